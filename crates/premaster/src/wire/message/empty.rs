//! The messages without a body: HelloRequest, ServerHelloDone, EndOfEarlyData.
use super::Body;
use crate::wire::{DecodeError, HandshakeType, Reader};

macro_rules! empty_message {
    ($(#[$doc:meta])* $name:ident = $type:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name;

        impl $name {
            /// Reads a body.
            ///
            /// # Errors
            /// If it is not empty.
            pub const fn decode(body: &[u8]) -> Result<Self, DecodeError> {
                match Reader::new(body, stringify!($name)).finish() {
                    Ok(()) => Ok(Self),
                    Err(error) => Err(error),
                }
            }
        }

        impl Body for $name {
            const TYPE: HandshakeType = HandshakeType::$type;

            fn encode(&self, _: &mut Vec<u8>) {}
        }
    };
}

empty_message! {
    /// The TLS 1.2 server would like to renegotiate (RFC 5246 section 7.4.1.1). Not part of any transcript.
    HelloRequest = HELLO_REQUEST
}

empty_message! {
    /// The TLS 1.2 server has said all it has to say for now (RFC 5246 section 7.4.5).
    ServerHelloDone = SERVER_HELLO_DONE
}

empty_message! {
    /// The TLS 1.3 client changes to handshake keys (RFC 9846 section 4.5).
    EndOfEarlyData = END_OF_EARLY_DATA
}
