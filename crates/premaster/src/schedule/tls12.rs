//! The TLS 1.2 key schedule (RFC 5246 sections 5, 6.3 and 8.1, RFC 7627).
//!
//! ```text
//! SharedSecret ──► PremasterSecret ──► MasterSecret ──┬──► key block ──► MAC keys, keys, IVs
//!                                                     ├──► verify_data of Finished
//!                                                     └──► exporter (RFC 5705)
//! ```
//! Each stage is spent to reach the next:
//!
//! ```compile_fail,E0382
//! # use premaster::schedule::{Kdf, tls12::PremasterSecret};
//! fn twice(premaster: PremasterSecret, kdf: Kdf, client: &[u8; 32], server: &[u8; 32]) {
//!     let _ = premaster.into_master(kdf.clone(), client, server);
//!     let _ = premaster.into_master(kdf, client, server);
//! }
//! ```
use super::{
    Kdf,
    kdf::{Block, DefaultBlock as _, Life},
};
use crate::{
    Secret,
    crypto::{
        constant_time::{declassify, verdict},
        hash::{Digest, HashAlgorithm, HmacKey},
        wipe,
    },
    exchange::SharedSecret,
    observe::Input,
    suite::KeyBlockLayout,
    wire::{PerSide, Side},
};
use std::fmt;
use subtle::ConstantTimeEq;

/// What a TLS 1.2 key exchange yields; spent on the master secret.
pub struct PremasterSecret {
    /// It stands at the front.
    secret: Secret,
    /// How long it is, where that is a secret as well.
    hidden_len: Option<usize>,
}

impl fmt::Debug for PremasterSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PremasterSecret(..)")
    }
}

impl From<SharedSecret> for PremasterSecret {
    /// RFC 5246 section 8.1: a finite-field secret loses its leading zeros, the others are taken whole.
    fn from(shared: SharedSecret) -> Self {
        let (secret, len) = shared.into_stripped();
        Self { secret, hidden_len: Some(len) }
    }
}

impl PremasterSecret {
    /// One that is composed as RFC 4279 section 2 has it, or was recovered from a recording.
    pub const fn new(secret: Secret) -> Self {
        Self { secret, hidden_len: None }
    }

    /// The bytes, and with them how many they are. Every caller is worth a second look.
    pub fn expose(&self) -> &[u8] {
        let bytes = self.secret.expose();
        &bytes[..self.hidden_len.map_or(bytes.len(), declassify)]
    }

    /// As the key of a PRF.
    fn keyed(&self, hash: HashAlgorithm) -> HmacKey {
        match self.hidden_len {
            Some(len) => HmacKey::new_hiding(hash, self.secret.expose(), len),
            None => HmacKey::new(hash, self.secret.expose()),
        }
    }

    /// RFC 5246 section 8.1: bound to the two randoms only.
    pub fn into_master(self, kdf: Kdf, client_random: &[u8; 32], server_random: &[u8; 32]) -> MasterSecret {
        let inputs = [
            Input::Secret("pre_master_secret"),
            Input::Public("ClientHello.random", client_random),
            Input::Public("ServerHello.random", server_random),
        ];
        self.into(kdf, "master secret", &[client_random, server_random], "PRF \"master secret\"", &inputs)
    }

    /// RFC 7627 section 4: bound to every message through ClientKeyExchange.
    pub fn into_extended_master(self, kdf: Kdf, session_hash: &Digest) -> MasterSecret {
        let hash = session_hash.as_ref();
        let inputs = [Input::Secret("pre_master_secret"), Input::Public("session_hash", hash)];
        self.into(kdf, "extended master secret", &[hash], "PRF \"extended master secret\"", &inputs)
    }

    fn into(
        self,
        kdf: Kdf,
        label: &str,
        seed: &[&[u8]],
        how: &'static str,
        inputs: &[Input<'_>],
    ) -> MasterSecret {
        if kdf.is_heard() {
            kdf.derived("pre_master_secret", "key exchange", &[], self.expose());
        }
        let _life = kdf.life("pre_master_secret");
        // Dropped, and so erased, before the listener hears of it.
        let spent = self;
        let premaster = spent.keyed(kdf.hash());
        let master = Secret::fill(MasterSecret::LEN, |out| prf(&premaster, label, seed, out));
        kdf.derived("master_secret", how, inputs, master.expose());
        MasterSecret::from_session(kdf, master)
    }
}

/// The secret of a TLS 1.2 session.
#[derive(Debug)]
pub struct MasterSecret {
    secret: Secret,
    keyed: HmacKey,
    life: Life,
}

impl MasterSecret {
    /// Its length, in bytes.
    pub const LEN: usize = 48;

    /// The master secret of a session that is resumed: nothing is derived, but whoever accounts for keys hears of
    /// it, the key log among them.
    pub fn resumed(kdf: Kdf, secret: Secret) -> Self {
        kdf.derived("master_secret", "the session that is resumed", &[], secret.expose());
        Self::from_session(kdf, secret)
    }

    /// A master secret that is known from elsewhere.
    pub fn from_session(kdf: Kdf, secret: Secret) -> Self {
        let keyed = HmacKey::new(kdf.hash(), secret.expose());
        Self { secret, keyed, life: Life::new(kdf, "master_secret") }
    }

    /// The bytes, for the session that will be resumed. Every caller is worth a second look.
    pub fn secret(&self) -> &Secret {
        &self.secret
    }

    /// The key block (RFC 5246 section 6.3). Note the order of the randoms: the server's comes first.
    pub fn key_block(
        &self,
        layout: KeyBlockLayout,
        client_random: &[u8; 32],
        server_random: &[u8; 32],
    ) -> KeyBlock {
        let seed: [&[u8]; 2] = [server_random, client_random];
        let bytes = Secret::fill(layout.total(), |out| prf(&self.keyed, "key expansion", &seed, out));
        let inputs = [
            Input::Secret("master_secret"),
            Input::Public("ServerHello.random", server_random),
            Input::Public("ClientHello.random", client_random),
        ];
        self.life.kdf.derived("key_block", "PRF \"key expansion\"", &inputs, bytes.expose());
        let block = KeyBlock { bytes, layout, _life: self.life.kdf.life("key_block") };
        for (name, slice) in block.slices() {
            self.life.kdf.derived(name, "slice of the key block", &[Input::Secret("key_block")], slice);
        }
        block
    }

    /// `verify_data` of the Finished that `side` sends after the messages of `transcript`
    /// (RFC 5246 section 7.4.9).
    pub fn verify_data(&self, side: Side, transcript: &Digest) -> [u8; 12] {
        let (label, name, how) = match side {
            Side::Client => ("client finished", "client verify_data", "PRF \"client finished\""),
            Side::Server => ("server finished", "server verify_data", "PRF \"server finished\""),
        };
        let mut out = [0; 12];
        prf(&self.keyed, label, &[transcript.as_ref()], &mut out);
        let inputs =
            [Input::Secret("master_secret"), Input::Public("Hash(handshake_messages)", transcript.as_ref())];
        self.life.kdf.derived(name, how, &inputs, &out);
        out
    }

    /// Whether this is the `verify_data` of the Finished that `side` sends after the messages of `transcript`, in time
    /// that does not depend on where it differs.
    pub fn verify(&self, side: Side, transcript: &Digest, verify_data: &[u8]) -> bool {
        verdict(self.verify_data(side, transcript).ct_eq(verify_data))
    }

    /// Keying material for the application (RFC 5705 section 4).
    pub fn export(&self, randoms: PerSide<&[u8; 32]>, label: &str, context: Option<&[u8]>, out: &mut [u8]) {
        let length = (context.map_or(0, <[u8]>::len) as u16).to_be_bytes();
        let (length, context): (&[u8], &[u8]) = match context {
            Some(context) => (&length, context),
            None => (&[], &[]),
        };
        prf(&self.keyed, label, &[randoms.client, randoms.server, length, context], out);
    }
}

/// The key block, and how it is cut.
#[derive(Debug)]
pub struct KeyBlock {
    bytes: Secret,
    layout: KeyBlockLayout,
    _life: Life,
}

impl KeyBlock {
    /// Each slice with its name, in the order of RFC 5246 section 6.3.
    pub fn slices(&self) -> impl Iterator<Item = (&'static str, &[u8])> {
        let KeyBlockLayout { mac_key, key, iv } = self.layout;
        let cuts = [
            ("client_write_MAC_key", mac_key),
            ("server_write_MAC_key", mac_key),
            ("client_write_key", key),
            ("server_write_key", key),
            ("client_write_IV", iv),
            ("server_write_IV", iv),
        ];
        let mut rest = self.bytes.expose();
        cuts.into_iter().map(move |(name, len)| {
            let (slice, tail) = rest.split_at(len);
            rest = tail;
            (name, slice)
        })
    }

    /// What `side` sends under.
    pub fn keys(&self, side: Side) -> WriteKeys<'_> {
        let KeyBlockLayout { mac_key, key, iv } = self.layout;
        let second = usize::from(side == Side::Server);
        let slice = |start: usize, len: usize| &self.bytes.expose()[start + second * len..][..len];
        WriteKeys {
            mac_key: slice(0, mac_key),
            key: slice(2 * mac_key, key),
            iv: slice(2 * (mac_key + key), iv),
        }
    }
}

/// The slices of the key block that one side sends under.
pub struct WriteKeys<'a> {
    /// The MAC key; empty for AEAD suites.
    pub mac_key: &'a [u8],
    /// The cipher's key.
    pub key: &'a [u8],
    /// The implicit part of the nonce; unused with CBC, where each record brings its IV.
    pub iv: &'a [u8],
}

/// PRF(secret, label, seed) = P_hash(secret, label + seed) (RFC 5246 section 5), with the secret already keyed.
pub fn prf(secret: &HmacKey, label: &str, seed: &[&[u8]], out: &mut [u8]) {
    wipe::after_deriving(|| prf_unwiped(secret, label, seed, out));
}

fn prf_unwiped(secret: &HmacKey, label: &str, seed: &[&[u8]], out: &mut [u8]) {
    let len = secret.algorithm().output_len();
    // A(i) stands before the label and the seed in every HMAC but the one that makes A(1).
    let mut parts: [&[u8]; 8] = [&[]; 8];
    parts[1] = label.as_bytes();
    parts[2..2 + seed.len()].copy_from_slice(seed);
    let mut a = Block::default_block();
    secret.sign_unwiped(&parts, &mut a[..len]);
    let mut chunks = out.chunks_mut(len).peekable();
    while let Some(chunk) = chunks.next() {
        let mut with_a = parts;
        with_a[0] = &a[..len];
        secret.sign_unwiped(&with_a, chunk);
        if chunks.peek().is_some() {
            let mut next = Block::default_block();
            secret.sign_unwiped(&[&a[..len]], &mut next[..len]);
            a = next;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{crypto::hash::HashAlgorithm, observe::Tap};

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
        let digit = |c: u8| (c as char).to_digit(16).unwrap() as u8;
        digits.chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
    }

    /// The vectors posted to the IETF TLS list in 2008 ("100 bytes of pseudo-randomness using TLS1.2PRF").
    #[test]
    fn published_prf_vectors() {
        let check = |hash, secret: &str, seed: &str, output: &str| {
            let expected = hex(output);
            let mut out = vec![0; expected.len()];
            prf(&HmacKey::new(hash, &hex(secret)), "test label", &[&hex(seed)], &mut out);
            assert_eq!(out, expected);
        };
        check(
            HashAlgorithm::Sha256,
            "9bbe436ba940f017b17652849a71db35",
            "a0ba9f936cda311827a6f796ffd5198c",
            "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a6b301791e90d35c9c9a46b4e14baf9af0f\
             a022f7077def17abfd3797c0564bab4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e5a5110fff70187347b66",
        );
        check(
            HashAlgorithm::Sha384,
            "b80b733d6ceefcdc71566ea48e5567df",
            "cd665cf6a8447dd6ff8b27555edb7465",
            "7b0c18e9ced410ed1804f2cfa34a336a1c14dffb4900bb5fd7942107e81c83cde9ca0faa60be9fe34f82b1233c9146a0e5\
             34cb400fed2700884f9dc236f80edd8bfa961144c9e8d792eca722a7b32fc3d416d473ebc2c5fd4abfdad05d9184259b5bf8cd4d\
             90fa0d31e2dec479e4f1a26066f2eea9a69236a3e52655c9e9aee691c8f3a26854308d5eaa3be85e0990703d73e56f",
        );
        check(
            HashAlgorithm::Sha512,
            "b0323523c1853599584d88568bbb05eb",
            "d4640e12e4bcdbfb437f03e6ae418ee5",
            "1261f588c798c5c201ff036e7a9cb5edcd7fe3f94c669a122a4638d7d508b283042df6789875c7147e906d868bc75c45e2\
             0eb40c1cf4a1713b27371f68432592f7dc8ea8ef223e12ea8507841311bf68653d0cfc4056d811f025c45ddfa6e6fec702f054b4\
             09d6f28dd0a3233e498da41a3e75c5630eedbe22fe254e33a1b0e9f6b9826675bec7d01a845658dc9c397545401d40b9f46c7a40\
             0ee1b8f81ca0a60d1a397a1028bff5d2ef5066126842fb8da4197632bdb54ff6633f86bbc836e640d4d898",
        );
    }

    #[test]
    fn key_block_is_cut_in_the_order_of_the_rfc() {
        let layout = KeyBlockLayout { mac_key: 32, key: 32, iv: 16 };
        let kdf = Kdf::new(HashAlgorithm::Sha256, Tap::OFF);
        let master = MasterSecret::from_session(kdf, Secret::from(&[7; 48][..]));
        let block = master.key_block(layout, &[1; 32], &[2; 32]);
        assert_eq!(block.bytes.len(), 160);
        let joined: Vec<u8> = block.slices().flat_map(|(_, slice)| slice.to_vec()).collect();
        assert_eq!(joined, block.bytes.expose());
        let slice = |name| block.slices().find(|(own, _)| *own == name).map(|(_, slice)| slice.to_vec());
        let client = block.keys(Side::Client);
        let server = block.keys(Side::Server);
        assert_eq!(slice("client_write_MAC_key").as_deref(), Some(client.mac_key));
        assert_eq!(slice("server_write_MAC_key").as_deref(), Some(server.mac_key));
        assert_eq!(slice("client_write_key").as_deref(), Some(client.key));
        assert_eq!(slice("server_write_key").as_deref(), Some(server.key));
        assert_eq!(slice("client_write_IV").as_deref(), Some(client.iv));
        assert_eq!(slice("server_write_IV").as_deref(), Some(server.iv));
    }
}

#[cfg(all(test, feature = "memcheck", not(debug_assertions)))]
mod judged {
    use super::*;
    use crate::crypto::judge::{constant_time, public, secret};
    use crate::{crypto::hash::HashAlgorithm, observe::Tap};

    #[test]
    fn the_schedule_does_not_branch_on_secrets() {
        constant_time(|| {
            let premaster = PremasterSecret::new(Secret::from(&[3; 48][..]));
            secret(premaster.expose());
            let master = premaster.into_master(Kdf::new(HashAlgorithm::Sha256, Tap::OFF), &[1; 32], &[2; 32]);
            let layout = KeyBlockLayout { mac_key: 32, key: 16, iv: 16 };
            assert_eq!(master.key_block(layout, &[1; 32], &[2; 32]).bytes.len(), 128);
            let transcript = Digest::fill(32, |out| out.fill(4));
            assert!(!master.verify(Side::Server, &transcript, &[0; 12]));
            let finished = public(master.verify_data(Side::Client, &transcript));
            assert!(master.verify(Side::Client, &transcript, &finished));
            assert!(!master.verify(Side::Client, &transcript, &finished[..11]));
        });
    }

    /// The classes of Raccoon.
    #[test]
    fn zeros_that_were_stripped_do_not_show_in_the_schedule() {
        constant_time(|| {
            for hash in [HashAlgorithm::Sha256, HashAlgorithm::Sha384] {
                for zeros in [0, 1, 2, 9, 100] {
                    let mut bytes = [0xa5; 256];
                    bytes[..zeros].fill(0);
                    let plain = PremasterSecret::new(Secret::from(&bytes[zeros..]));
                    let shared = SharedSecret::finite_field(Secret::from(&bytes[..]));
                    secret(shared.input_keying_material());
                    let premaster = PremasterSecret::from(shared);
                    let master = premaster.into_master(Kdf::new(hash, Tap::OFF), &[1; 32], &[2; 32]);
                    let expected = plain.into_master(Kdf::new(hash, Tap::OFF), &[1; 32], &[2; 32]);
                    assert_eq!(public(master.secret().expose()), expected.secret().expose());
                }
            }
        });
    }
}
