//! The client's side of the handshake, against a server that knows its keys and says anything.
use crate::{
    play::{self, Stage},
    settings,
};
use std::sync::LazyLock;

static STAGE: LazyLock<Stage> =
    LazyLock::new(|| Stage::new([settings::servers12(), settings::servers13()].into_iter().flatten()));

/// Plays what the bytes say.
pub fn run(data: &[u8]) {
    play::play(&STAGE, data);
}

/// Every legal order, unchanged.
pub fn seeds() -> Vec<Vec<u8>> {
    STAGE.seeds()
}
