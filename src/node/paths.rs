//! Whether a peer is reached directly or through a relay.

use iroh::endpoint::Connection;
use n0_future::StreamExt as _;

use crate::events::Path;

/// How the connection reaches its peer right now; `None` in the moment in which no path is chosen.
#[must_use]
pub fn current_path(connection: &Connection) -> Option<Path> {
    of_list(&connection.paths())
}

fn of_list(paths: &iroh::endpoint::PathList<'_>) -> Option<Path> {
    let chosen = paths.iter().find(iroh::endpoint::Path::is_selected);
    chosen.or_else(|| paths.iter().next()).map(|path| {
        if path.is_relay() {
            Path::Relay
        } else {
            Path::Direct
        }
    })
}

/// Calls back when the path of a connection changes. Dropping it ends the watch.
#[derive(Debug)]
pub struct PathWatch(tokio::task::JoinHandle<()>);

impl PathWatch {
    /// Watches `connection`, which was reached by `first`; `changed` is called with each new path.
    pub fn start(
        connection: &Connection,
        first: Option<Path>,
        changed: impl Fn(Path) + Send + 'static,
    ) -> Self {
        let connection = connection.clone();
        Self(tokio::spawn(async move {
            let mut last = first;
            let mut lists = connection.paths_stream();
            while let Some(paths) = lists.next().await {
                let now = of_list(&paths);
                if now.is_some() && now != last {
                    last = now;
                    now.into_iter().for_each(&changed);
                }
            }
        }))
    }
}

impl Drop for PathWatch {
    fn drop(&mut self) {
        self.0.abort();
    }
}
