//! Several keys: one that seals, the next, and those before.
use super::{
    Miss,
    ticket_key::{KEY_ID_LEN, Rotation, TicketKey, Window},
};
use crate::crypto::{Random, RandomFailed};
use pki_types::UnixTime;
use std::{collections::VecDeque, sync::Arc};

/// How many names of erased keys are remembered, to tell an old ticket from a strange one.
const REMEMBERED: usize = 64;

/// A key, and whether it may seal if its window says so. In a fleet that once disagreed, only the key that all
/// agreed on does.
struct Held {
    key: Arc<TicketKey>,
    seals: bool,
}

/// The keys that are held at a time.
#[derive(Default)]
pub(super) struct Ring {
    held: Vec<Held>,
    erased: VecDeque<[u8; KEY_ID_LEN]>,
}

impl Ring {
    pub(super) fn keys(&self) -> impl Iterator<Item = &Arc<TicketKey>> {
        self.held.iter().map(|held| &held.key)
    }

    /// The one key that seals now. If windows overlap it is the one that began last: everybody who has the same
    /// keys makes the same choice.
    pub(super) fn sealing(&self, now: UnixTime) -> Option<&Arc<TicketKey>> {
        self.held
            .iter()
            .filter(|held| held.seals && held.key.window().encrypts(now))
            .map(|held| &held.key)
            .max_by_key(|key| (key.window().not_before.as_secs(), *key.id()))
    }

    /// The key of this name, if it may open now.
    pub(super) fn opening(&self, now: UnixTime, id: &[u8; KEY_ID_LEN]) -> Result<&Arc<TicketKey>, Miss> {
        match self.keys().find(|key| key.id() == id) {
            Some(key) if key.window().decrypts(now) => Ok(key),
            Some(_) => Err(Miss::ExpiredKey),
            None if self.erased.contains(id) => Err(Miss::ExpiredKey),
            None => Err(Miss::UnknownKey),
        }
    }

    /// Takes in a key that may seal. One that is held under the same name is replaced.
    pub(super) fn add(&mut self, key: Arc<TicketKey>) {
        self.held.retain(|held| held.key.id() != key.id());
        self.held.push(Held { key, seals: true });
    }

    /// Of the keys whose windows begin when that of `agreed` does, only `agreed` seals from now on.
    pub(super) fn agree(&mut self, agreed: Arc<TicketKey>) {
        let start = agreed.window().not_before;
        for held in &mut self.held {
            if held.key.window().not_before == start {
                held.seals = false;
            }
        }
        self.add(agreed);
    }

    /// Holds these keys and no others.
    pub(super) fn replace(&mut self, keys: impl IntoIterator<Item = Arc<TicketKey>>) {
        let before = std::mem::take(&mut self.held);
        keys.into_iter().for_each(|key| self.add(key));
        for held in before {
            if !self.keys().any(|key| key.id() == held.key.id()) {
                self.remember(*held.key.id());
            }
        }
    }

    /// Erases the keys whose windows have ended, and tells when the next one does.
    pub(super) fn erase_expired(&mut self, now: UnixTime) -> u64 {
        let (held, expired): (Vec<_>, Vec<_>) =
            self.held.drain(..).partition(|held| held.key.window().decrypts(now));
        self.held = held;
        expired.iter().for_each(|held| self.remember(*held.key.id()));
        self.keys().map(|key| key.window().decrypt_until.as_secs()).min().unwrap_or(u64::MAX)
    }

    fn remember(&mut self, id: [u8; KEY_ID_LEN]) {
        if self.erased.len() == REMEMBERED {
            self.erased.pop_front();
        }
        self.erased.push_back(id);
    }

    /// Sees to it that there is a key that seals now and another one for the time after, and tells when the next
    /// one is needed. The keys that are missing are made.
    pub(super) fn extend(
        &mut self,
        now: UnixTime,
        rotation: Rotation,
        random: &dyn Random,
    ) -> Result<u64, RandomFailed> {
        let mut start = now.as_secs();
        if let Some(current) = self.sealing(now) {
            start = current.window().encrypt_until.as_secs();
        } else {
            let window = Window::starting(start, rotation);
            self.add(Arc::new(TicketKey::generate(random, window)?));
            start = window.encrypt_until.as_secs();
        }
        let seals_then = |held: &Held| {
            held.seals
                && held
                    .key
                    .window()
                    .encrypts(UnixTime::since_unix_epoch(std::time::Duration::from_secs(start)))
        };
        if !self.held.iter().any(seals_then) {
            self.add(Arc::new(TicketKey::generate(random, Window::starting(start, rotation))?));
        }
        Ok(start)
    }
}

#[cfg(all(test, feature = "memcheck", not(debug_assertions)))]
mod judged {
    use super::*;
    use crate::{
        Secret,
        crypto::judge::{constant_time, memory},
    };
    use std::time::Duration;

    #[test]
    fn a_ticket_key_is_chosen_by_what_is_public() {
        constant_time(|| {
            let rotation = Rotation::new(Duration::from_secs(9), Duration::from_secs(9));
            let key = |id: u8| {
                let mut bytes: Vec<u8> = (id..id + 32).collect();
                memory(&mut bytes);
                let key =
                    TicketKey::new([id; KEY_ID_LEN], Secret::from(&bytes[..]), Window::starting(1, rotation));
                Arc::new(key.unwrap())
            };
            let mut ring = Ring::default();
            ring.replace([1, 2, 3].map(key));
            let now = |seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds));
            assert_eq!(ring.opening(now(5), &[2; KEY_ID_LEN]).unwrap().id(), &[2; KEY_ID_LEN]);
            assert_eq!(ring.opening(now(5), &[9; KEY_ID_LEN]).err(), Some(Miss::UnknownKey));
            assert_eq!(ring.sealing(now(5)).unwrap().id(), &[3; KEY_ID_LEN]);
            ring.erase_expired(now(100));
            assert_eq!(ring.opening(now(100), &[2; KEY_ID_LEN]).err(), Some(Miss::ExpiredKey));
        });
    }
}
