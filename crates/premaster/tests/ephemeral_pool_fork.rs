//! A pool in a process that is really forked. By itself in this program, since a copy of a process has one thread only.
#![cfg(all(unix, feature = "laboratory"))]
use premaster::{
    exchange::{EphemeralPool, Group},
    wire::NamedGroup,
};
use premaster_ffi::twin::in_two;
use std::collections::HashSet;

/// How many keys the pool has, and the public values of those that it gives when it has been filled up again.
fn drain(pool: &EphemeralPool, group: &'static Group) -> Vec<u8> {
    let had = pool.len(group) as u8;
    let mut publics = vec![had];
    pool.fill().unwrap();
    while let Some(key) = pool.take(group) {
        publics.extend_from_slice(key.public());
    }
    publics
}

#[test]
fn parent_and_child_share_no_key() {
    let group = Group::find(NamedGroup::x25519).unwrap();
    let pool = EphemeralPool::new([group], 6);
    assert_eq!(pool.fill(), Ok(6));
    drop((pool.take(group), pool.take(group)));
    let (child, parent) = in_two(|| drain(&pool, group), || drain(&pool, group)).unwrap();
    assert_eq!((child[0], parent[0]), (0, 4));
    let keys: Vec<_> = child[1..].chunks(32).chain(parent[1..].chunks(32)).collect();
    assert_eq!(keys.len(), 12);
    assert_eq!(keys.iter().collect::<HashSet<_>>().len(), 12);
}
