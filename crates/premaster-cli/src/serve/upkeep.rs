//! What a server does about its sessions while nobody connects.
use crate::options::Kept;
use premaster::{
    config::{Clock, SystemClock},
    crypto::SystemRandom,
    resume::{Call, Store, StoreName},
};
use std::{io::Write, time::Duration};
use tokio::time::{MissedTickBehavior, interval};

/// How often.
const EVERY: Duration = Duration::from_secs(1);

/// Makes the ticket keys that are due and erases those whose time is over; says when the store that others use too
/// goes away, and when it is back.
pub async fn go_on(kept: Kept, quiet: bool) {
    let Kept { sessions, shared, mut is_there } = kept;
    if sessions.vault().is_none() {
        return;
    }
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        // Without the time there is nothing to do: handshakes fail, and say so.
        let Some(now) = SystemClock.now() else { continue };
        // What goes wrong with the store is seen below.
        let _ = sessions.vault().maintain(now, &SystemRandom).await;
        let Some(store) = &shared else { continue };
        // A claim, since it remembers which early data came before from its first one on.
        let name = StoreName::new("upkeep", b"");
        let answer = store.claim(Call { now, deadline: EVERY }, name, EVERY).await;
        if answer.is_ok() != is_there && !quiet {
            let line = match answer {
                Ok(_) => "the session store is back\n".to_owned(),
                Err(failed) => format!("{failed}: what cannot do without it is a full handshake\n"),
            };
            let _ = std::io::stderr().write_all(line.as_bytes());
        }
        is_there = answer.is_ok();
    }
}
