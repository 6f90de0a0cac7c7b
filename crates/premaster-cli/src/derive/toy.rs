//! Diffie-Hellman and RSA in sizes that one can follow on paper, and that protect nothing.
use super::{Dh, Rsa, report::Report, source::Secret};
use crate::failure::Failure;
use premaster::crypto::random::{Random, SystemRandom};

const TOY: &str = "toy sizes, for teaching: they protect nothing";

fn multiply(a: u64, b: u64, modulus: u64) -> u64 {
    (u128::from(a) * u128::from(b) % u128::from(modulus)) as u64
}

/// base^exponent mod modulus, squaring and multiplying, each step written down.
fn power(base: u64, exponent: u64, modulus: u64) -> (u64, Vec<String>) {
    let mut steps = Vec::new();
    let mut result = 1 % modulus;
    for bit in (0..u64::BITS - exponent.leading_zeros()).rev() {
        let squared = multiply(result, result, modulus);
        if exponent >> bit & 1 == 1 {
            let next = multiply(squared, base % modulus, modulus);
            steps.push(format!("bit 1: {result}^2 = {squared}, times {base} = {next} (mod {modulus})"));
            result = next;
        } else {
            steps.push(format!("bit 0: {result}^2 = {squared} (mod {modulus})"));
            result = squared;
        }
    }
    (result, steps)
}

/// Miller-Rabin with the bases that decide it for every number of 64 bits.
fn is_prime(n: u64) -> bool {
    const BASES: [u64; 12] = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37];
    if n < 2 || BASES.iter().any(|base| n.is_multiple_of(*base)) {
        return BASES.contains(&n);
    }
    let (odd, twos) = ((n - 1) >> (n - 1).trailing_zeros(), (n - 1).trailing_zeros());
    BASES.iter().all(|base| {
        let mut x = power(*base, odd, n).0;
        if x == 1 || x == n - 1 {
            return true;
        }
        (1..twos).any(|_| {
            x = multiply(x, x, n);
            x == n - 1
        })
    })
}

fn exponent(source: Option<&Secret>, p: u64) -> Result<u64, Failure> {
    let bounds = 1..p - 1;
    let number = match source {
        Some(source) => source.number()?,
        None => {
            let mut bytes = [0; 8];
            SystemRandom
                .fill(&mut bytes)
                .map_err(|error| Failure::new(crate::exit::ExitCode::Bug, "no randomness").why(error))?;
            1 + u64::from_be_bytes(bytes) % (p - 2)
        }
    };
    match bounds.contains(&number) {
        true => Ok(number),
        false => Err(Failure::usage(format!("a private exponent must lie between 1 and {}", p - 2))),
    }
}

/// Both sides of a Diffie-Hellman exchange.
pub(super) fn dh(p: u64, g: u64, input: &Dh, report: &mut Report) -> Result<(), Failure> {
    if p < 5 || !is_prime(p) {
        return Err(Failure::usage(format!("{p} is not a prime above 3")).remedy("try --p 23 --g 5"));
    }
    if !(2..p - 1).contains(&g) {
        return Err(Failure::usage(format!("the generator must lie between 2 and {}", p - 2)));
    }
    report.note(TOY);
    let (a, b) = (exponent(input.client.as_ref(), p)?, exponent(input.server.as_ref(), p)?);
    report.number("a", "the client's private exponent", a, Vec::new());
    report.number("b", "the server's private exponent", b, Vec::new());
    let (yc, steps) = power(g, a, p);
    report.number("dh_Yc", format!("g^a mod p = {g}^{a} mod {p}: crosses the wire"), yc, steps);
    let (ys, steps) = power(g, b, p);
    report.number("dh_Ys", format!("g^b mod p = {g}^{b} mod {p}: crosses the wire"), ys, steps);
    let (at_client, steps) = power(ys, a, p);
    report.number("Z at the client", format!("dh_Ys^a mod p = {ys}^{a} mod {p}"), at_client, steps);
    let (at_server, steps) = power(yc, b, p);
    report.number("Z at the server", format!("dh_Yc^b mod p = {yc}^{b} mod {p}"), at_server, steps);
    Ok(())
}

/// Key transport: the client encrypts, the server decrypts.
pub(super) fn rsa(input: &Rsa, report: &mut Report) -> Result<(), Failure> {
    let Rsa { p, q, e, message } = input;
    for factor in [*p, *q] {
        if factor >> 31 != 0 || factor < 3 || !is_prime(factor) {
            return Err(Failure::usage(format!("{factor} is not an odd prime below 2^31"))
                .remedy("try --p 61 --q 53"));
        }
    }
    if p == q {
        return Err(Failure::usage("the two primes must not be the same"));
    }
    let (n, phi) = (p * q, (p - 1) * (q - 1));
    let d = inverse(*e, phi).ok_or_else(|| {
        Failure::usage(format!("{e} has a factor in common with (p-1)(q-1) = {phi}")).remedy("try --e 17")
    })?;
    let m = message.as_ref().map(Secret::number).transpose()?.unwrap_or(65);
    if m >= n {
        return Err(Failure::usage(format!("the message must be less than p times q = {n}")));
    }
    report.note(TOY);
    report.note("and without padding, which a real one must have");
    report.number("n", format!("p times q = {p} times {q}: the public modulus"), n, Vec::new());
    report.number("phi", "(p - 1)(q - 1)", phi, Vec::new());
    report.number(
        "d",
        format!("e^-1 mod phi = {e}^-1 mod {phi}: the private exponent"),
        d,
        vec![format!("check: {e} times {d} = {} (mod {phi})", multiply(*e, d, phi))],
    );
    let (c, steps) = power(m, *e, n);
    report.number("c", format!("m^e mod n = {m}^{e} mod {n}: crosses the wire"), c, steps);
    let (opened, steps) = power(c, d, n);
    report.number(
        "m",
        format!("c^d mod n = {c}^{d} mod {n}: whoever has d, ever, can do this"),
        opened,
        steps,
    );
    Ok(())
}

/// Euclid's algorithm, extended.
fn inverse(a: u64, modulus: u64) -> Option<u64> {
    let (mut old, mut new) = (i128::from(a % modulus), i128::from(modulus));
    let (mut old_factor, mut new_factor) = (1i128, 0i128);
    while new != 0 {
        let quotient = old / new;
        (old, new) = (new, old - quotient * new);
        (old_factor, new_factor) = (new_factor, old_factor - quotient * new_factor);
    }
    (old == 1).then(|| old_factor.rem_euclid(i128::from(modulus)) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic() {
        assert_eq!(power(5, 6, 23).0, 8);
        assert_eq!(power(19, 6, 23).0, 2);
        assert_eq!(inverse(17, 3120), Some(2753));
        assert_eq!(inverse(6, 3120), None);
        let primes: Vec<u64> = (0..60).filter(|n| is_prime(*n)).collect();
        assert_eq!(primes, [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59]);
        assert!(is_prime(18_446_744_073_709_551_557) && !is_prime(3_215_031_751));
        assert_eq!(power(3, u64::MAX, 1).0, 0);
    }
}
