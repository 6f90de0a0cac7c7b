//! seam
use super::{Miss, ServerSession};
use pki_types::UnixTime;
/// store
pub trait Store: Send + Sync {}
pub(crate) async fn take_session(_: &dyn Store, _: &[u8], _: UnixTime) -> Result<ServerSession, Miss> {
    Err(Miss::StoreMiss)
}
pub(crate) async fn get_session(_: &dyn Store, _: &[u8], _: UnixTime) -> Result<ServerSession, Miss> {
    Err(Miss::StoreMiss)
}
pub(crate) async fn store_session(_: &dyn Store, _: &[u8], _: &ServerSession) -> Result<(), Miss> {
    Err(Miss::StoreMiss)
}
pub(crate) struct Freshness<'a> {
    pub(crate) session: &'a ServerSession,
    pub(crate) obfuscated_ticket_age: u32,
    pub(crate) now: UnixTime,
}
pub(crate) async fn claim_early_data(_: &dyn Store, _: Freshness<'_>, _: &[u8]) -> Result<(), Miss> {
    Err(Miss::Declined)
}
