//! Bytes that are wiped when dropped, never printed, and never copied by a move.
use std::fmt;
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

/// Secret bytes.
///
/// They live on the heap, in one place, so that moving the handle leaves no second copy behind; they are
/// overwritten when the handle is dropped.
///
/// ```
/// # use premaster::Secret;
/// assert_eq!(format!("{:?}", Secret::from(&[7; 32][..])), "Secret(32 bytes)");
/// ```
/// A second copy has to be asked for in words that a reviewer sees:
/// ```compile_fail,E0599
/// # use premaster::Secret;
/// let copy = Secret::from(&[7; 32][..]).clone();
/// ```
pub struct Secret(Box<[u8]>);

impl Secret {
    /// A secret of `len` bytes, written in place by `fill`.
    pub fn fill(len: usize, fill: impl FnOnce(&mut [u8])) -> Self {
        let mut secret = Self(vec![0; len].into_boxed_slice());
        fill(&mut secret.0);
        secret
    }

    /// A secret of `len` bytes, written in place by `fill`; nothing of it is left if `fill` fails.
    pub fn try_fill<E>(len: usize, fill: impl FnOnce(&mut [u8]) -> Result<(), E>) -> Result<Self, E> {
        let mut secret = Self(vec![0; len].into_boxed_slice());
        fill(&mut secret.0)?;
        Ok(secret)
    }

    /// The bytes. Every caller is worth a second look.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// The bytes, to be overwritten in place.
    pub(crate) fn expose_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }

    /// How many bytes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<&[u8]> for Secret {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }
}

/// In time that depends on the lengths only.
impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({} bytes)", self.0.len())
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}
