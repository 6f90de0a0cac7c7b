//! What a ClientHello says without meaning it, so that nobody comes to depend on what it always said: code points
//! that nobody knows (RFC 8701), and extensions in another order each time (RFC 9846 section 4.2 leaves it free).
use crate::{
    Error,
    config::ClientConfig,
    error::Failure,
    wire::{
        ExtensionType,
        extension::{Extensions, push_encoded},
        grease,
    },
};

/// Chance, drawn once: a second ClientHello has to repeat the first (RFC 9846 section 4.1.2).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Disguise {
    grease: Option<[u8; 6]>,
    order: Option<u64>,
}

impl Disguise {
    /// As the configuration wants it.
    pub(super) fn new(config: &ClientConfig) -> Result<Self, Error> {
        if !config.grease && !config.permute_extensions {
            return Ok(Self::default());
        }
        let mut random = [0; 14];
        config.random.fill(&mut random).map_err(|_| Failure::Random)?;
        let [a, b, c, d, e, f, order @ ..] = random;
        Ok(Self {
            grease: config.grease.then_some([a, b, c, d, e, f]),
            order: config.permute_extensions.then_some(u64::from_be_bytes(order)),
        })
    }

    /// A cipher suite that is none.
    pub(super) fn suite(&self) -> Option<u16> {
        self.grease.map(|[seed, ..]| grease(seed))
    }

    /// A group that is none.
    pub(super) fn group(&self) -> Option<u16> {
        self.grease.map(|[_, seed, ..]| grease(seed))
    }

    /// A version that is none.
    pub(super) fn version(&self) -> Option<u16> {
        self.grease.map(|[_, _, seed, ..]| grease(seed))
    }

    /// A signature scheme that is none.
    pub(super) fn scheme(&self) -> Option<u16> {
        self.grease.map(|[_, _, _, seed, ..]| grease(seed))
    }

    /// An empty extension that is none.
    pub(super) fn push_first(&self, out: &mut Vec<u8>) {
        if let Some([.., seed, _]) = self.grease {
            push_encoded(out, ExtensionType(grease(seed)), &[]);
        }
    }

    /// Another, with a byte in it.
    pub(super) fn push_last(&self, out: &mut Vec<u8>) {
        if let Some([.., first, last]) = self.grease {
            // RFC 9846 section 4.2: no extension twice.
            let last = if grease(last) == grease(first) { last ^ 0x10 } else { last };
            push_encoded(out, ExtensionType(grease(last)), &[0]);
        }
    }

    /// The extensions in an order of this client's choosing; pre_shared_key MUST be the last (RFC 9846 section
    /// 4.2.11).
    pub(super) fn arrange(&self, extensions: Vec<u8>) -> Vec<u8> {
        let Some(seed) = self.order else { return extensions };
        let mut each: Vec<_> = Extensions::from_encoded(&extensions).iter().collect();
        each.sort_by_key(|(extension, _)| match *extension {
            ExtensionType::PRE_SHARED_KEY => (true, 0),
            extension => (false, scatter(seed ^ u64::from(extension.0))),
        });
        let mut arranged = Vec::with_capacity(extensions.capacity());
        each.into_iter().for_each(|(extension, data)| push_encoded(&mut arranged, extension, data));
        arranged
    }
}

/// SplitMix64's output function: neighbours come out far apart. Nothing secret depends on it.
const fn scatter(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
