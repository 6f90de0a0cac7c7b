//! Every byte of every record belongs to exactly one leaf field.
#![allow(unreachable_pub, reason = "a module of several tests")]
use premaster_trace::{Trace, model::Field};

/// Fails where a byte belongs to no field, or to two.
pub fn cover_every_byte(trace: &Trace, what: &str) {
    for record in trace.flights.iter().flat_map(|flight| &flight.records) {
        let leaf = |leaf: &Field| (leaf.offset, leaf.length);
        let outer: Vec<_> = record.fields.iter().flat_map(|field| field.leaves()).map(leaf).collect();
        let inner = record.messages.iter().flat_map(|message| &message.fields).chain(&record.trailer);
        let inner: Vec<_> = inner.flat_map(|field| field.leaves()).map(leaf).collect();
        let number = record.number;
        match record.protection {
            None => assert_eq!(end(&[outer, inner].concat()), Some(record.length), "{what}, record {number}"),
            Some(_) => {
                assert_eq!(end(&outer), Some(record.length), "{what}, record {number}");
                assert!(end(&inner).is_some(), "{what}, inside record {number}");
            }
        }
    }
}

/// Where leaves end that follow each other without a gap.
fn end(leaves: &[(usize, usize)]) -> Option<usize> {
    leaves.iter().try_fold(0, |at, (offset, length)| (at == *offset).then_some(at + length))
}
