//! Several machines and one store, which may be slow, lose things, or be gone.
use super::{
    server_session::tests::{at, session},
    *,
};
use crate::{Secret, crypto::SystemRandom, identity::testing::block_on, wire::CipherSuite};
use std::{
    future::poll_fn,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker},
    thread,
    time::Duration,
};

const SUITE: CipherSuite = CipherSuite::TLS_AES_128_GCM_SHA256;

/// A memory that several machines share, that can be switched off, and that can be emptied.
struct Fleet {
    memory: std::sync::Mutex<Arc<MemoryStore>>,
    is_down: AtomicBool,
    is_slow: AtomicBool,
    calls: AtomicUsize,
}

impl Fleet {
    fn new() -> Arc<Self> {
        let memory = std::sync::Mutex::new(Arc::new(MemoryStore::new(10_000, 1 << 24, at(0))));
        let [is_down, is_slow] = [(); 2].map(|()| AtomicBool::new(false));
        Arc::new(Self { memory, is_down, is_slow, calls: AtomicUsize::new(0) })
    }

    fn lose_everything(&self, now: u64) {
        *self.memory.lock().unwrap() = Arc::new(MemoryStore::new(10_000, 1 << 24, at(now)));
    }

    fn ask<T: Send + Unpin>(
        &self,
        ask: impl for<'a> FnOnce(&'a MemoryStore) -> Answer<'a, Result<T, StoreFailed>> + Send + 'static,
    ) -> Answer<'_, Result<T, StoreFailed>> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        if self.is_down.load(Ordering::Relaxed) {
            return Answer::now(Err(StoreFailed::TimedOut));
        }
        let memory = self.memory.lock().unwrap().clone();
        // Later, as over a network.
        Answer::later(async move {
            let is_slow = || self.is_slow.load(Ordering::Relaxed);
            poll_fn(|_| if is_slow() { Poll::Pending } else { Poll::Ready(()) }).await;
            ask(&memory).await
        })
    }
}

impl Store for Fleet {
    fn put(
        &self,
        call: Call,
        name: StoreName,
        value: SealedBytes,
        ttl: Duration,
    ) -> Answer<'_, Result<(), StoreFailed>> {
        self.ask(move |memory| memory.put(call, name, value, ttl))
    }

    fn put_new(
        &self,
        call: Call,
        name: StoreName,
        value: SealedBytes,
        ttl: Duration,
    ) -> Answer<'_, Result<bool, StoreFailed>> {
        self.ask(move |memory| memory.put_new(call, name, value, ttl))
    }

    fn get(&self, call: Call, name: StoreName) -> Answer<'_, Result<Option<SealedBytes>, StoreFailed>> {
        self.ask(move |memory| memory.get(call, name))
    }

    fn take(&self, call: Call, name: StoreName) -> Answer<'_, Result<Option<SealedBytes>, StoreFailed>> {
        self.ask(move |memory| memory.take(call, name))
    }

    fn claim(&self, call: Call, name: StoreName, ttl: Duration) -> Answer<'_, Result<Claim, StoreFailed>> {
        self.ask(move |memory| memory.claim(call, name, ttl))
    }
}

/// A new key every 100 seconds, each opening for 150 more.
fn machine_with(fleet: &Arc<Fleet>, secret: u8) -> Vault {
    let secret: Vec<u8> = (secret..secret + 32).collect();
    let secret = FleetSecret::new(&Secret::from(&*secret)).unwrap();
    let rotation = Rotation::new(Duration::from_secs(100), Duration::from_secs(150));
    let keys = SharedKeys::new(fleet.clone(), secret, rotation, Duration::from_millis(1));
    Vault::none().shared_keys(keys).store(fleet.clone())
}

fn machine(fleet: &Arc<Fleet>) -> Vault {
    machine_with(fleet, 1)
}

fn live() -> ServerSession {
    ServerSession { lifetime: 3600, ..session(SUITE) }
}

fn seal(machine: &Vault, now: u64) -> Option<Vec<u8>> {
    block_on(machine.seal_ticket(at(now), &SystemRandom, &live()))
}

fn open(machine: &Vault, now: u64, ticket: &[u8]) -> Result<(), Miss> {
    block_on(machine.open_ticket(at(now), &SystemRandom, ticket)).map(|session| assert_eq!(session, live()))
}

fn sealing(machine: &Vault, now: u64) -> Vec<[u8; KEY_ID_LEN]> {
    let status = machine.ticket_keys().unwrap().status(at(now));
    status.iter().filter(|key| key.usage == KeyUse::Sealing).map(|key| key.id).collect()
}

#[test]
fn machines_agree_and_open_each_others_tickets_through_rotations() {
    let fleet = Fleet::new();
    let machines: Vec<_> = (0..3).map(|_| machine(&fleet)).collect();
    for now in (1000..2000).step_by(7) {
        for sealer in &machines {
            let ticket = seal(sealer, now).unwrap();
            assert!(machines.iter().all(|opener| open(opener, now, &ticket) == Ok(())), "{now}");
        }
        assert_eq!(sealing(&machines[0], now), sealing(&machines[2], now));
        assert_eq!(sealing(&machines[0], now).len(), 1);
    }
    assert_eq!(machines[0].ticket_keys().unwrap().forward_secrecy_window(), Duration::from_secs(250));
    // A stranger with another secret, or a client with a ticket of yesterday, gets nowhere.
    let stranger = machine_with(&fleet, 2);
    let ticket = seal(&machines[0], 2000).unwrap();
    assert_eq!(open(&stranger, 2001, &ticket), Err(Miss::UnknownKey));
    assert_eq!(open(&machines[1], 2250, &ticket), Err(Miss::ExpiredKey));
}

#[test]
fn a_machine_that_comes_later_finds_the_earlier_keys() {
    let fleet = Fleet::new();
    let first = machine(&fleet);
    let tickets: Vec<_> = [1000, 1100, 1200].iter().map(|&now| seal(&first, now).unwrap()).collect();
    let second = machine(&fleet);
    assert_eq!(open(&second, 1249, &tickets[2]), Ok(()));
    assert_eq!(open(&second, 1249, &tickets[1]), Ok(()));
    assert_eq!(open(&second, 1249, &tickets[0]), Ok(()));
    assert!(matches!(open(&second, 1250, &tickets[0]), Err(Miss::ExpiredKey)));
}

#[test]
fn machines_that_start_at_once_agree() {
    for _ in 0..20 {
        let fleet = Fleet::new();
        let machines: Vec<_> = (0..8).map(|_| machine(&fleet)).collect();
        thread::scope(|scope| {
            for machine in &machines {
                scope.spawn(|| seal(machine, 1000).unwrap());
            }
        });
        let ids: Vec<_> = machines.iter().map(|machine| sealing(machine, 1000)).collect();
        assert!(ids.iter().all(|id| id.len() == 1 && *id == ids[0]), "{ids:?}");
    }
}

#[test]
fn the_store_may_be_away_for_a_period_and_comes_back_by_itself() {
    let fleet = Fleet::new();
    let (one, two) = (machine(&fleet), machine(&fleet));
    assert!(seal(&one, 1010).is_some() && seal(&two, 1010).is_some());
    fleet.is_down.store(true, Ordering::Relaxed);
    for now in 1011..1200 {
        let ticket = seal(&one, now).unwrap();
        assert_eq!(open(&two, now, &ticket), Ok(()), "{now}");
    }
    // The key after the next nobody knows: no ticket, rather than one that only its maker opens.
    assert_eq!(seal(&one, 1200), None);
    let before = fleet.calls.load(Ordering::Relaxed);
    (0..100).for_each(|_| drop(seal(&one, 1201)));
    assert_eq!(fleet.calls.load(Ordering::Relaxed), before + 1, "once a second");
    fleet.is_down.store(false, Ordering::Relaxed);
    let ticket = seal(&one, 1202).unwrap();
    assert_eq!(open(&two, 1202, &ticket), Ok(()));
}

#[test]
fn a_store_that_lost_everything_gets_the_keys_back() {
    let fleet = Fleet::new();
    let (one, two) = (machine(&fleet), machine(&fleet));
    let before = seal(&one, 1000).unwrap();
    assert_eq!(open(&two, 1000, &before), Ok(()));
    fleet.lose_everything(1001);
    // A newcomer is the first to ask, finds nothing, and makes keys of its own.
    let newcomer = machine(&fleet);
    let after = seal(&newcomer, 1002).unwrap();
    for now in [1003, 1060] {
        assert_eq!(open(&one, now, &after), Ok(()));
        assert_eq!(open(&one, now, &before), Ok(()), "what was sealed before still opens");
    }
    assert_eq!(sealing(&one, 1060), sealing(&newcomer, 1060), "and the machines agree again");
    // Where nobody came in between, the keys go back into the store as they were.
    fleet.lose_everything(1061);
    let kept = sealing(&one, 1095);
    seal(&one, 1095).unwrap();
    let late = machine(&fleet);
    seal(&late, 1096).unwrap();
    assert_eq!((sealing(&one, 1096), sealing(&late, 1096)), (kept.clone(), kept));
}

#[test]
fn strange_tickets_do_not_make_the_store_work() {
    let fleet = Fleet::new();
    let machine = machine(&fleet);
    seal(&machine, 1000).unwrap();
    let before = fleet.calls.load(Ordering::Relaxed);
    for number in 0..100 {
        assert_eq!(open(&machine, 1001, &[number; 100]), Err(Miss::UnknownKey));
    }
    assert!(fleet.calls.load(Ordering::Relaxed) <= before + 2);
}

#[test]
fn a_fleet_secret_is_32_drawn_bytes() {
    for bad in [&[0; 32][..], &[7; 32], &[], &[1, 2, 3]] {
        assert!(FleetSecret::new(&Secret::from(bad)).is_none());
    }
}

#[test]
fn what_a_machine_does_not_hold_any_more_opens_nothing() {
    // The fleet's secret without the store's contents is no key.
    let fleet = Fleet::new();
    let ticket = seal(&machine(&fleet), 1000).unwrap();
    fleet.lose_everything(1001);
    assert_eq!(open(&machine(&fleet), 1002, &ticket), Err(Miss::UnknownKey));
}

fn put(machine: &Vault, now: u64, id: &[u8]) -> Result<(), Miss> {
    block_on(machine.put(at(now), &SystemRandom, id, &live()))
}

fn get(machine: &Vault, now: u64, id: &[u8]) -> Result<(), Miss> {
    block_on(machine.get(at(now), &SystemRandom, id)).map(|session| assert_eq!(session, live()))
}

fn take(machine: &Vault, now: u64, id: &[u8]) -> Result<(), Miss> {
    block_on(machine.take(at(now), &SystemRandom, id)).map(|session| assert_eq!(session, live()))
}

#[test]
fn a_session_stored_at_one_machine_is_found_at_the_other() {
    let fleet = Fleet::new();
    let (one, two) = (machine(&fleet), machine(&fleet));
    put(&one, 1000, b"id").unwrap();
    assert_eq!((get(&two, 1001, b"id"), get(&two, 1001, b"other")), (Ok(()), Err(Miss::StoreMiss)));
    assert_eq!((take(&two, 1001, b"id"), take(&one, 1001, b"id")), (Ok(()), Err(Miss::StoreMiss)));
    put(&one, 1000, b"id").unwrap();
    block_on(two.forget(at(1001), b"id"));
    assert_eq!(get(&one, 1001, b"id"), Err(Miss::StoreMiss));
    fleet.is_down.store(true, Ordering::Relaxed);
    assert_eq!(get(&one, 1001, b"id"), Err(Miss::StoreTimedOut));
    let no_store = Vault::none().keys(TicketKeys::held([]));
    assert_eq!(
        (put(&no_store, 0, b"id"), get(&no_store, 0, b"id")),
        (Err(Miss::Declined), Err(Miss::StoreMiss))
    );
}

#[test]
fn who_comes_while_the_store_is_being_asked_for_keys_has_them_all_the_same() {
    let fleet = Fleet::new();
    let other = machine(&fleet);
    let ticket = seal(&other, 1000).unwrap();
    let uses: [&dyn Fn(&Vault) -> bool; 4] = [
        &|machine| seal(machine, 1001).is_some_and(|ticket| open(&other, 1001, &ticket) == Ok(())),
        &|machine| open(machine, 1001, &ticket) == Ok(()),
        &|machine| put(machine, 1001, b"new") == Ok(()) && get(&other, 1001, b"new") == Ok(()),
        &|machine| put(&other, 1001, b"id") == Ok(()) && take(machine, 1001, b"id") == Ok(()),
    ];
    for (number, has_keys) in uses.iter().enumerate() {
        let machine = machine(&fleet);
        fleet.is_slow.store(true, Ordering::Relaxed);
        // Whoever asks waits, and is not heard of again for as long as all others take.
        let mut asking = pin!(machine.maintain(at(1001), &SystemRandom));
        assert!(asking.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        fleet.is_slow.store(false, Ordering::Relaxed);
        assert!(has_keys(&machine), "{number}");
        assert_eq!(block_on(asking), Ok(()), "{number}");
        assert_eq!(sealing(&machine, 1001), sealing(&other, 1001), "{number}");
    }
}

/// Of a thousand who invent names while the store is slow nobody makes it work, and nobody depends on another.
#[test]
fn invented_names_share_one_search_while_the_store_is_slow() {
    let fleet = Fleet::new();
    let ticket = seal(&machine(&fleet), 1000).unwrap();
    let agreement = {
        let before = fleet.calls.load(Ordering::Relaxed);
        block_on(machine(&fleet).maintain(at(1001), &SystemRandom)).unwrap();
        fleet.calls.load(Ordering::Relaxed) - before
    };
    let machine = machine(&fleet);
    let calls = AtomicUsize::new(fleet.calls.load(Ordering::Relaxed));
    let made = || fleet.calls.load(Ordering::Relaxed) - calls.load(Ordering::Relaxed);
    let mut context = Context::from_waker(Waker::noop());
    let mut begin = |ticket: Vec<u8>| {
        let machine = machine.clone();
        let mut opening =
            Box::pin(async move { machine.open_ticket(at(1001), &SystemRandom, &ticket).await.map(drop) });
        assert!(opening.as_mut().poll(&mut context).is_pending());
        opening
    };
    fleet.is_slow.store(true, Ordering::Relaxed);
    // The first asks, the second searches, and both are never heard of again; some of the others go away.
    let _asking = begin(vec![0; 100]);
    let _searching = begin(vec![1; 100]);
    let invented: Vec<_> =
        (0..1000_u16).map(|number| begin([&number.to_be_bytes()[..], &[2; 98]].concat())).collect();
    let genuine = begin(ticket);
    assert_eq!(made(), 2, "a call of the agreement, and one of the search");
    fleet.is_slow.store(false, Ordering::Relaxed);
    let (gone, staying): (Vec<_>, Vec<_>) =
        invented.into_iter().enumerate().partition(|(number, _)| number % 2 == 0);
    drop(gone);
    assert_eq!(block_on(genuine), Ok(()));
    for (_, opening) in staying {
        assert_eq!(block_on(opening), Err(Miss::UnknownKey));
    }
    assert!(made() <= 1 + agreement, "{} calls, where an agreement takes {agreement}", made());
}

#[test]
fn a_search_that_everybody_left_does_not_stand_in_the_way_of_the_next() {
    let fleet = Fleet::new();
    let ticket = seal(&machine(&fleet), 1000).unwrap();
    let machine = machine(&fleet);
    let mut context = Context::from_waker(Waker::noop());
    fleet.is_slow.store(true, Ordering::Relaxed);
    let mut asking = pin!(machine.maintain(at(1001), &SystemRandom));
    assert!(asking.as_mut().poll(&mut context).is_pending());
    {
        let mut left = pin!(machine.open_ticket(at(1001), &SystemRandom, &ticket));
        assert!(left.as_mut().poll(&mut context).is_pending());
    }
    fleet.is_slow.store(false, Ordering::Relaxed);
    assert_eq!(open(&machine, 1002, &ticket), Ok(()));
}

#[test]
fn a_stored_session_brings_news_of_its_key() {
    let fleet = Fleet::new();
    let one = machine(&fleet);
    seal(&one, 1000).unwrap();
    fleet.lose_everything(1001);
    // It finds nothing, and makes a key of its own.
    put(&machine(&fleet), 1002, b"id").unwrap();
    assert_eq!(get(&one, 1003, b"id"), Ok(()));
}

#[test]
fn the_store_sees_no_secret_and_cannot_change_what_it_keeps() {
    let fleet = Fleet::new();
    let machine = machine(&fleet);
    put(&machine, 1000, b"id").unwrap();
    let call = Call { now: at(1000), deadline: Duration::from_millis(1) };
    let name = StoreName::new("session", b"id");
    let value = block_on(fleet.get(call, name)).unwrap().unwrap();
    let contains = |needle: &[u8]| value.bytes().windows(needle.len()).any(|window| window == needle);
    assert!(!contains(live().secret.expose()) && !contains(b"a.example"));
    for at_byte in [0, 16, 40, value.bytes().len() - 1] {
        let mut changed = value.bytes().to_vec();
        changed[at_byte] ^= 1;
        let changed = SealedBytes::from_store(changed).unwrap();
        block_on(fleet.put(call, name, changed, Duration::from_secs(9))).unwrap();
        assert!(matches!(get(&machine, 1001, b"id"), Err(Miss::Malformed | Miss::UnknownKey)));
    }
    // Nor can it give one session for another.
    let other = StoreName::new("session", b"other");
    block_on(fleet.put(call, other, value, Duration::from_secs(9))).unwrap();
    assert_eq!(get(&machine, 1001, b"other"), Err(Miss::Malformed));
}

fn claim(machine: &Vault, now: u64, ticket: &[u8], age: u32) -> Result<(), Miss> {
    let session = live();
    let age = age.wrapping_add(session.age_add);
    block_on(machine.claim_early_data(at(now), Freshness::default(), ticket, age, &session))
}

#[test]
fn early_data_is_accepted_once_on_one_machine_and_only_while_fresh() {
    let fleet = Fleet::new();
    let (one, two) = (machine(&fleet), machine(&fleet));
    // The ticket is of 1000, the hello of 1050.
    assert_eq!(claim(&one, 1100, b"ticket", 50_000), Err(Miss::NotFresh));
    assert_eq!(claim(&one, 1050, b"ticket", 50_000), Ok(()));
    assert_eq!(claim(&one, 1050, b"ticket", 50_000), Err(Miss::Replay));
    assert_eq!(claim(&two, 1050, b"ticket", 50_000), Err(Miss::Replay));
    assert_eq!(claim(&two, 1061, b"ticket", 50_000), Err(Miss::Replay));
    assert_eq!(claim(&two, 1062, b"ticket", 50_000), Err(Miss::NotFresh));
    assert_eq!(claim(&two, 1050, b"another ticket", 50_000), Ok(()));
    // The store is gone, and another one takes over that knows nothing.
    fleet.is_down.store(true, Ordering::Relaxed);
    assert_eq!(claim(&two, 1051, b"a third", 51_000), Err(Miss::StoreTimedOut));
    fleet.is_down.store(false, Ordering::Relaxed);
    fleet.lose_everything(1052);
    assert_eq!(claim(&two, 1052, b"ticket", 50_000), Err(Miss::Replay));
    assert_eq!(claim(&two, 1060, b"ticket", 50_000), Err(Miss::Replay));
    assert_eq!(claim(&two, 1070, b"a fourth", 70_000), Ok(()));
    let no_store = Vault::none().keys(TicketKeys::held([]));
    assert_eq!(claim(&no_store, 1050, b"ticket", 50_000), Err(Miss::Declined));
}

#[test]
fn of_many_machines_that_get_the_same_early_data_at_once_one_accepts() {
    let fleet = Fleet::new();
    let machines: Vec<_> = (0..8).map(|_| machine(&fleet)).collect();
    let accepted = AtomicUsize::new(0);
    thread::scope(|scope| {
        for machine in &machines {
            scope.spawn(|| {
                for number in 0..100_u8 {
                    if claim(machine, 1050, &[number], 50_000).is_ok() {
                        accepted.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    assert_eq!(accepted.into_inner(), 100);
}

#[test]
fn one_process_need_not_wait_to_accept_early_data() {
    let rotation = Rotation::new(Duration::from_secs(100), Duration::from_secs(150));
    let alone =
        |keys: TicketKeys| Vault::none().keys(keys).store(Arc::new(MemoryStore::new(100, 1 << 16, at(1000))));
    assert_eq!(claim(&alone(TicketKeys::rotating(rotation)), 1000, b"ticket", 0), Ok(()));
    // Keys from elsewhere outlive the process: its predecessor may have accepted the same early data.
    assert_eq!(claim(&alone(TicketKeys::held([])), 1000, b"ticket", 0), Err(Miss::Replay));
}
