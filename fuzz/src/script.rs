//! The fuzzer's bytes as instructions.
use arbitrary::Unstructured;
use premaster::wire::{
    ExtensionType,
    extension::{Extensions, push_encoded},
};

/// Read from the front; nothing but zeros when they have run out.
pub(crate) struct Script<'a>(Unstructured<'a>);

impl<'a> Script<'a> {
    pub(crate) fn new(data: &'a [u8]) -> Self {
        Self(Unstructured::new(data))
    }

    pub(crate) fn is_over(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.0.arbitrary().unwrap_or_default()
    }

    pub(crate) fn word(&mut self) -> u16 {
        self.0.arbitrary().unwrap_or_default()
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        usize::from(self.byte()) % limit.max(1)
    }

    pub(crate) fn choose<'t, T>(&mut self, from: &'t [T]) -> &'t T {
        &from[self.below(from.len())]
    }

    /// A length, and so many bytes, if there are so many.
    pub(crate) fn bytes(&mut self) -> &'a [u8] {
        let len = usize::from(self.byte()).min(self.0.len());
        self.0.bytes(len).unwrap_or_default()
    }

    pub(crate) fn rest(self) -> &'a [u8] {
        self.0.take_rest()
    }

    /// One change to some bytes.
    pub(crate) fn edit(&mut self, bytes: &mut Vec<u8>) {
        let at = usize::from(self.word()) % (bytes.len() + 1);
        let more = usize::from(self.byte());
        match self.below(5) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..bytes.len().min(at + more))),
            2 => drop(bytes.splice(at..at, self.bytes().iter().copied())),
            3 => {
                let new = self.bytes();
                bytes.splice(at..bytes.len().min(at + new.len()), new.iter().copied());
            }
            _ => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= more as u8 | 1),
        }
    }

    /// One change to a block of extensions, which stays one.
    pub(crate) fn edit_block(&mut self, block: &[u8]) -> Vec<u8> {
        let all = Extensions::from_encoded(block);
        let mut all: Vec<_> = all.iter().map(|(kind, data)| (kind, data.to_vec())).collect();
        let at = self.below(all.len());
        match self.below(6) {
            0 if at < all.len() => drop(all.remove(at)),
            1 if at < all.len() => all.push(all[at].clone()),
            2 if at < all.len() => {
                let moved = all.remove(at);
                all.push(moved);
            }
            3 if at < all.len() => self.edit(&mut all[at].1),
            4 if at < all.len() => all[at].0 = ExtensionType(self.word()),
            _ => all.insert(at, (ExtensionType(self.word()), self.bytes().to_vec())),
        }
        let mut out = Vec::new();
        all.iter().for_each(|(kind, data)| push_encoded(&mut out, *kind, data));
        out
    }
}
