//! ServerKeyExchange and ClientKeyExchange of TLS 1.2, whose form the cipher suite decides.
use super::{
    message::Scene,
    walker::{Walk, Walker},
};
use crate::model::Sensitivity;
use premaster::{
    suite::KeyExchange,
    wire::{NamedGroup, SignatureScheme},
};

pub(super) fn server_key_exchange(walker: &mut Walker<'_>, scene: &mut Scene<'_>) -> Walk {
    let exchange = scene.context.suite?.key_exchange;
    if exchange.has_psk() {
        let hint = walker.opaque::<2>("psk_identity_hint", "Helps the client to choose its key.")?;
        walker.says(crate::sanitize::bytes(hint)).is(Sensitivity::Identifying);
    }
    if exchange.is_elliptic() {
        curve_params(walker, scene)?;
    } else if exchange.is_finite_field() {
        field_params(walker, scene)?;
    }
    if exchange.is_signed() {
        let scheme = walker.code::<SignatureScheme>(2, "algorithm", "With which scheme it is signed.")?;
        scene.gist(format!("signed with {scheme}"));
        walker.opaque::<2>(
            "signature",
            "Made with the long-term key over both randoms and the parameters: this key is the server's, and fresh.",
        )?;
    }
    Some(())
}

fn curve_params(walker: &mut Walker<'_>, scene: &mut Scene<'_>) -> Walk {
    walker.rfc("RFC 8422 section 5.4");
    walker.take(1, "curve_type", "3: a curve with a name, the only kind that is left.")?;
    let group = walker.code::<NamedGroup>(2, "namedcurve", "The curve.")?;
    let point =
        walker.opaque::<1>("public", "The server's ephemeral public key: made for this handshake alone.")?;
    scene.gist(format!("ephemeral {group} key of {} bytes", point.len()));
    Some(())
}

fn field_params(walker: &mut Walker<'_>, scene: &mut Scene<'_>) -> Walk {
    let p = walker.opaque::<2>("dh_p", "The prime modulus.")?;
    scene.gist(format!("ephemeral Diffie-Hellman key modulo a prime of {} bits", 8 * p.len()));
    walker.opaque::<2>("dh_g", "The generator.")?;
    walker.opaque::<2>(
        "dh_Ys",
        "The server's ephemeral public value: g to a power made for this handshake alone.",
    )?;
    Some(())
}

pub(super) fn client_key_exchange(walker: &mut Walker<'_>, scene: &mut Scene<'_>) -> Walk {
    let exchange = scene.context.suite?.key_exchange;
    if exchange.has_psk() {
        let identity = walker.opaque::<2>("psk_identity", "Which key the client means.")?;
        walker.says(crate::sanitize::bytes(identity)).is(Sensitivity::Identifying);
        scene.identifies(format!("names the key {}", crate::sanitize::bytes(identity)));
    }
    match exchange {
        KeyExchange::Rsa | KeyExchange::RsaPsk => {
            walker.opaque::<2>(
                "encrypted_pre_master_secret",
                "The pre-master secret, encrypted to the key of the certificate: whoever has that key, ever, can open it.",
            )?;
            scene.gist("the pre-master secret, encrypted to the certificate's key");
        }
        exchange if exchange.is_elliptic() => {
            walker.rfc("RFC 8422 section 5.7");
            walker.opaque::<1>(
                "ecdh_Yc",
                "The client's ephemeral public key: made for this handshake alone.",
            )?;
            scene.gist("the client's ephemeral public key");
        }
        exchange if exchange.is_finite_field() => {
            walker.opaque::<2>(
                "dh_Yc",
                "The client's ephemeral public value: made for this handshake alone.",
            )?;
            scene.gist("the client's ephemeral public value");
        }
        _ => {}
    }
    Some(())
}
