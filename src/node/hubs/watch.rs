//! Moves a node to another relay when the one that it is at has gone away.
//!
//! The endpoint measures all relays anew every five minutes, and takes the old figures until then as long as
//! it believes in its connections, which is up to a minute after the last sign of life. But that the
//! connection to the relay is gone is known at once, so it is told to measure again: saying again which relays there
//! are does that.

use std::{sync::Arc, time::Duration};

use iroh::{Endpoint, RelayMap, Watcher as _};
use n0_future::StreamExt as _;
use tokio::{task::AbortHandle, time::sleep};

/// A relay may be away for so long: it restarts, say.
const AWAY: Duration = Duration::from_secs(3);

/// How long a measurement is left to do its work; doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(10);
const LONGEST_PAUSE: Duration = Duration::from_mins(2);

/// Watches the relay that an endpoint is at. Dropping all copies ends it.
#[derive(Debug, Clone)]
pub(in crate::node) struct RelayWatch {
    _task: Arc<AbortOnDrop>,
}

#[derive(Debug)]
struct AbortOnDrop(AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl RelayWatch {
    /// Watches `endpoint`, which uses `relays`; `None` where there is no other to move to.
    pub(in crate::node) fn start(endpoint: &Endpoint, relays: RelayMap) -> Option<Self> {
        (relays.len() > 1).then(|| {
            let task = tokio::spawn(watch(endpoint.clone(), relays));
            Self {
                _task: Arc::new(AbortOnDrop(task.abort_handle())),
            }
        })
    }
}

async fn watch(endpoint: Endpoint, relays: RelayMap) {
    let mut pause = FIRST_PAUSE;
    loop {
        if is_away(&endpoint) {
            sleep(AWAY).await;
        } else {
            pause = FIRST_PAUSE;
            let mut changes = endpoint.home_relay_status().stream();
            while !is_away(&endpoint) {
                if changes.next().await.is_none() {
                    return;
                }
            }
            continue;
        }
        if !is_away(&endpoint) {
            continue;
        }
        let Some(relay) = relays.relays::<Vec<_>>().into_iter().next() else {
            return;
        };
        tracing::debug!("the relay is gone, looking for another one");
        endpoint.insert_relay(relay.url.clone(), relay).await;
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Whether the endpoint is at a relay, and not connected to it.
fn is_away(endpoint: &Endpoint) -> bool {
    let statuses = endpoint.home_relay_status().get();
    !statuses.is_empty()
        && !statuses
            .iter()
            .any(iroh::endpoint::RelayStatus::is_connected)
}
