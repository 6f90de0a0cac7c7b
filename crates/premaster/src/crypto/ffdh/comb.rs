//! Powers of one base with many exponents: a comb (Lim and Lee, "More Flexible Exponentiation with Precomputation",
//! 1994), on AWS-LC's multiplication in constant time.
//!
//! The bits of an exponent are written in rows, one for each tooth, so that a column has a bit of each:
//!
//! ```text
//!            column 51 ..................................... 0
//!   tooth 0      bit  51  ...                              bit   0
//!   tooth 1      bit 103  ...                              bit  52
//!   ...
//!   tooth 4      (none)   ...  bit 255                     bit 208
//! ```
//!
//! The factor that a column stands for is one of 2^5 products. They are computed once, for four columns that lie apart
//! by a quarter of a row: the columns between them follow by squaring. 256 bits then need 52 multiplications and 12
//! squarings instead of some 50 and 256.
use crate::Secret;
use crate::crypto::constant_time::{equal, hide};
use premaster_ffi::{
    Refused,
    bn::{Modulus, Product},
};

/// Bits in a column.
const TEETH: usize = 5;
/// Products that a column can stand for.
const ENTRIES: usize = 1 << TEETH;
/// Columns in a row for which there is a table.
const TABLES: usize = 4;
/// Words that are looked up at a time, in registers.
const STRIDE: usize = 8;

/// The tables of one base. All of it is public.
pub(super) struct Comb {
    exponent_len: usize,
    /// Columns from one table to the next.
    spacing: usize,
    /// The residues in words, a table after the other.
    residues: Vec<u64>,
    /// Words of a residue.
    len: usize,
}

/// A residue in words.
fn words(residue: &[u8]) -> impl Iterator<Item = u64> {
    residue.as_chunks().0.iter().map(|bytes| u64::from_le_bytes(*bytes))
}

impl Comb {
    /// For exponents of `exponent_len` bytes.
    pub(super) fn new(modulus: &Modulus, base: &[u8], exponent_len: usize) -> Result<Self, Refused> {
        let len = modulus.len() / 8;
        let spacing = (8 * exponent_len).div_ceil(TEETH * TABLES);
        let mut comb = Self { exponent_len, spacing, residues: vec![0; TABLES * ENTRIES * len], len };
        let (mut residue, mut product) = (vec![0; modulus.len()], vec![0; modulus.len()]);
        Product::of(modulus, &[1])?.residue(&mut residue)?;
        (0..TABLES).for_each(|table| comb.set(table, 0, &residue));
        // Every entry with one bit set is the base, squared as often as there are bits below.
        let mut power = Product::of(modulus, base)?;
        for bit in 0..TEETH * TABLES {
            power.residue(&mut residue)?;
            let (table, highest) = (bit % TABLES, 1 << (bit / TABLES));
            comb.set(table, highest, &residue);
            for lower in 1..highest {
                let mut factors = Product::of_residue(modulus, &residue)?;
                factors.multiply(&comb.entry(table, lower))?;
                factors.residue(&mut product)?;
                comb.set(table, highest | lower, &product);
            }
            for _ in 0..spacing {
                power.square()?;
            }
        }
        Ok(comb)
    }

    /// Bytes of the exponents that it is for.
    pub(super) const fn exponent_len(&self) -> usize {
        self.exponent_len
    }

    /// Writes the base to the power of `exponent`, big endian and of [`exponent_len`](Self::exponent_len) bytes, left
    /// padded, in time that does not depend on the exponent.
    pub(super) fn power(&self, modulus: &Modulus, exponent: &[u8], out: &mut [u8]) -> Result<(), Refused> {
        let mut product: Option<Product<'_>> = None;
        let mut factor = Secret::fill(8 * self.len, |_| ());
        for at in (0..self.spacing).rev() {
            if let Some(product) = &mut product {
                product.square()?;
            }
            for table in 0..TABLES {
                let column = self.column(exponent, table * self.spacing + at);
                self.look_up(table, column, factor.expose_mut());
                match &mut product {
                    Some(product) => product.multiply(factor.expose())?,
                    None => product = Some(Product::of_residue(modulus, factor.expose())?),
                }
            }
        }
        product.ok_or(Refused)?.write(out)
    }

    /// The bits of a column, the first tooth's lowest.
    fn column(&self, exponent: &[u8], column: usize) -> usize {
        let row = TABLES * self.spacing;
        let bit = |tooth: usize| {
            let at = tooth * row + column;
            // The last row may end early; where, is no secret.
            let byte = exponent.iter().rev().nth(at / 8).copied().unwrap_or_default();
            usize::from(byte >> (at % 8) & 1)
        };
        (0..TEETH).fold(0, |bits, tooth| bits | bit(tooth) << tooth)
    }

    fn set(&mut self, table: usize, entry: usize, residue: &[u8]) {
        let at = (table * ENTRIES + entry) * self.len;
        self.residues[at..].iter_mut().zip(words(residue)).for_each(|(to, from)| *to = from);
    }

    /// An entry whose place in the table is no secret.
    fn entry(&self, table: usize, entry: usize) -> Vec<u8> {
        let at = (table * ENTRIES + entry) * self.len;
        self.residues[at..at + self.len].iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    /// Copies an entry, and reads every other one as well.
    fn look_up(&self, table: usize, wanted: usize, out: &mut [u8]) {
        let wanted = hide(wanted);
        // All ones or all zeros, on machines of 32 bits too.
        let masks: [u64; ENTRIES] = std::array::from_fn(|entry| equal(entry, wanted).cast_signed() as u64);
        let table = &self.residues[table * ENTRIES * self.len..][..ENTRIES * self.len];
        for (at, out) in out.chunks_mut(8 * STRIDE).enumerate() {
            let mut sum = [0; STRIDE];
            for (entry, mask) in table.chunks_exact(self.len).zip(masks) {
                for (sum, word) in sum.iter_mut().zip(&entry[at * STRIDE..]) {
                    *sum |= word & mask;
                }
            }
            out.chunks_mut(8).zip(sum).for_each(|(out, sum)| out.copy_from_slice(&sum.to_le_bytes()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::hash::{HashAlgorithm, digest};

    /// 2^192 - 237, a prime.
    fn modulus() -> Modulus {
        let mut p = [0xff; 24];
        p[23] = 0x13;
        Modulus::new(&p).unwrap()
    }

    fn both(modulus: &Modulus, base: &[u8], exponent: &[u8]) -> [Vec<u8>; 2] {
        let comb = Comb::new(modulus, base, exponent.len()).unwrap();
        let (mut ours, mut theirs) = (vec![0; modulus.len()], vec![0; modulus.len()]);
        comb.power(modulus, exponent, &mut ours).unwrap();
        modulus.mod_exp_consttime(base, exponent, &mut theirs).unwrap();
        [ours, theirs]
    }

    #[test]
    fn it_computes_what_aws_lc_computes() {
        let modulus = modulus();
        for len in [1, 2, 3, 7, 24, 32, 40, 48, 56, 57] {
            let comb = Comb::new(&modulus, &[2], len).unwrap();
            for n in 0..1000_u32 {
                let hash = digest(HashAlgorithm::Sha512, &[&n.to_be_bytes()]);
                let exponent = &hash.as_ref()[..len];
                let (mut ours, mut theirs) = ([0; 24], [0; 24]);
                comb.power(&modulus, exponent, &mut ours).unwrap();
                modulus.mod_exp_consttime(&[2], exponent, &mut theirs).unwrap();
                assert_eq!(ours, theirs, "{exponent:02x?}");
            }
        }
    }

    #[test]
    fn at_the_edges_too() {
        let modulus = modulus();
        for len in [1, 32] {
            let (zero, mut one, all) = (vec![0; len], vec![0; len], vec![0xff; len]);
            one[len - 1] = 1;
            let mut highest = vec![0; len];
            highest[0] = 0x80;
            for base in [&[1][..], &[2], &[0xab; 24]] {
                for exponent in [&zero, &one, &all, &highest] {
                    let [ours, theirs] = both(&modulus, base, exponent);
                    assert_eq!(ours, theirs, "{base:02x?} {exponent:02x?}");
                }
            }
        }
    }

    #[test]
    fn each_bit_has_its_place() {
        let modulus = modulus();
        for bit in 0..256 {
            let mut exponent = [0; 32];
            exponent[31 - bit / 8] = 1 << (bit % 8);
            let [ours, theirs] = both(&modulus, &[3], &exponent);
            assert_eq!(ours, theirs, "{bit}");
        }
    }
}

#[cfg(all(test, feature = "memcheck", not(debug_assertions)))]
mod judged {
    use super::*;
    use crate::crypto::judge::{constant_time, leaky, public, secret, secret_number};

    fn comb(modulus: &Modulus) -> Comb {
        Comb::new(modulus, &[2], 32).unwrap()
    }

    #[test]
    fn powers_are_computed_in_constant_time() {
        constant_time(|| {
            let modulus = Modulus::new(&[0xff; 256]).unwrap();
            let comb = comb(&modulus);
            let mut expected = vec![0; 256];
            modulus.mod_exp_consttime(&[2], &[0xa7; 32], &mut expected).unwrap();
            let mut power = vec![0; 256];
            comb.power(&modulus, &secret([0xa7; 32]), &mut power).unwrap();
            assert_eq!(public(power), expected);
        });
    }

    /// The negative control: an entry that is simply read.
    #[test]
    fn a_residue_that_is_picked_is_found() {
        leaky(|| {
            let modulus = Modulus::new(&[0xff; 256]).unwrap();
            let comb = comb(&modulus);
            std::hint::black_box(comb.entry(1, secret_number(9))[3]);
        });
    }
}
