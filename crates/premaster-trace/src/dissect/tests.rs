use super::{
    Context, alert, application_data, change_cipher_spec, clip, handshake, header, opaque, protected,
};
use crate::model::Field;
use premaster::wire::{ProtocolVersion, Side};

/// Whether the leaves under `fields` cover `from..to` without a gap or an overlap, and no group has a hole.
pub(super) fn tiles(fields: &[Field], from: usize, to: usize) {
    let mut at = from;
    for field in fields {
        assert_eq!(field.offset, at, "{}", field.name);
        assert!(field.length > 0, "{} is empty", field.name);
        if !field.is_leaf() {
            tiles(&field.children, field.offset, field.offset + field.length);
        } else if let Some(value) = &field.value {
            assert_eq!(value.len(), 2 * field.length, "{}", field.name);
        }
        assert!(!field.meaning.is_empty() && field.rfc.starts_with("RFC "), "{}", field.name);
        at += field.length;
    }
    assert_eq!(at, to);
}

/// Numbers that are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.next() as u8).collect()
    }
}

fn contexts() -> Vec<Context> {
    let mut contexts = vec![Context::default()];
    for suite in premaster::suite::Suite::ALL {
        contexts.push(Context { version: Some(suite.version()), suite: Some(suite) });
    }
    contexts
}

#[test]
fn whatever_the_bytes_are_every_one_has_a_name() {
    let mut numbers = Numbers(1);
    let contexts = contexts();
    for round in 0..20_000 {
        let len = (numbers.next() % 300) as usize;
        let mut bytes = numbers.bytes(len);
        let context = &contexts[round % contexts.len()];
        // Plausible types and small lengths get deeper than noise does.
        if let Some(first) = bytes.first_mut() {
            *first %= 26;
        }
        for byte in bytes.iter_mut().skip(1) {
            if numbers.next().is_multiple_of(2) {
                *byte %= 8;
            }
        }
        let dissected = handshake(&bytes, &mut context.clone(), Side::Client);
        tiles(&dissected.fields, 0, bytes.len());
        tiles(&alert(&bytes).fields, 0, bytes.len());
        tiles(&change_cipher_spec(&bytes, context).fields, 0, bytes.len());
        tiles(&application_data(&bytes).fields, 0, bytes.len());
        tiles(&opaque(&bytes).fields, 0, bytes.len());
        let version = context.version.unwrap_or(ProtocolVersion::TLS_1_2);
        let mut record = header(&bytes);
        record.extend(protected(&bytes, Some(super::Protection { version, suite: context.suite })));
        tiles(&record, 0, bytes.len());
        let (from, to) = (len / 3, len - len / 4);
        tiles(&clip(&dissected.fields, from, to, 7), 7, 7 + to - from);
    }
}
