//! A sharer whose every answer a test decides.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use grove::{
    content::{Hash, Ticket},
    transfer::wire::{ALPN, MAX_REQUEST, Request, Reset},
};
use iroh::{
    Endpoint, EndpointAddr, RelayMode, SecretKey, TransportAddr,
    endpoint::{Connection, RecvStream, SendStream, VarInt, presets},
};
use iroh_blobs::BlobFormat;
use tokio::runtime::Runtime;

use super::{blob::Blob, list::List};

/// Answers at the loopback interface until it is dropped.
pub(crate) struct Sharer {
    runtime: Runtime,
    endpoint: Endpoint,
    asked: Arc<AtomicUsize>,
}

/// One request.
pub(crate) struct Ask {
    pub(crate) connection: Connection,
    /// How many connections there were before this one.
    pub(crate) nth: usize,
    pub(crate) request: Request,
    pub(crate) send: SendStream,
    _recv: RecvStream,
}

/// What a sharer has.
#[derive(Clone, Default)]
pub(crate) struct Store(Arc<HashMap<Hash, Blob>>);

impl Store {
    pub(crate) fn new(blobs: impl IntoIterator<Item = Blob>) -> Self {
        let blobs = blobs.into_iter().map(|blob| (blob.hash, blob));
        Self(Arc::new(blobs.collect()))
    }

    /// What a list needs, and the content of its files.
    pub(crate) fn of(list: &List, files: impl IntoIterator<Item = Blob>) -> Self {
        Self::new(files.into_iter().chain([list.root(), list.meta()]))
    }

    /// The answer to all of a request, up to what is not there.
    pub(crate) fn answer(&self, request: &Request) -> Vec<Vec<u8>> {
        let Some(root) = self.0.get(&request.hash) else {
            return Vec::new();
        };
        let children = root.children();
        let count = children.len() as u64 + 1;
        let mut parts = Vec::new();
        for (offset, ranges) in request.clone().into_wanted(count) {
            let blob = match usize::try_from(offset).unwrap().checked_sub(1) {
                None => Some(root),
                Some(child) => self.0.get(&children[child]),
            };
            let Some(blob) = blob else { break };
            parts.push(blob.answer(&ranges));
        }
        parts
    }
}

impl Ask {
    /// Answers as an honest sharer would, with what is in `store`.
    pub(crate) async fn answer(mut self, store: &Store) {
        for part in store.answer(&self.request) {
            // Whoever has seen enough stops reading.
            if self.send.write_all(&part).await.is_err() {
                return;
            }
        }
        self.end().await;
    }

    /// Sends these bytes, and says whether they were taken.
    pub(crate) async fn say(&mut self, bytes: &[u8]) -> bool {
        self.send.write_all(bytes).await.is_ok()
    }

    /// Ends the answer, and waits until it was read.
    pub(crate) async fn end(mut self) {
        _ = self.send.finish();
        _ = self.send.stopped().await;
    }

    /// Resets the stream.
    pub(crate) fn reset(mut self, reset: Reset) {
        _ = self.send.reset(reset.code());
    }

    /// Closes the connection.
    pub(crate) fn close(self, code: u32, reason: &[u8]) {
        self.connection.close(VarInt::from_u32(code), reason);
    }

    /// Whether the list of names is asked for, and not content.
    pub(crate) fn is_for_list(&self) -> bool {
        self.request.specs.first().is_some_and(|spec| spec.0 == 0)
    }

    /// Sends bytes for as long as they are taken.
    pub(crate) async fn flood(mut self) {
        let noise = vec![0xAA; 1 << 20];
        while self.say(&noise).await {}
    }
}

impl Sharer {
    /// One that answers each request with `answer`.
    pub(crate) fn new<F>(answer: impl Fn(Ask) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let endpoint = runtime.block_on(async {
            Endpoint::builder(presets::Minimal)
                .relay_mode(RelayMode::Disabled)
                .alpns(vec![ALPN.to_vec()])
                .secret_key(SecretKey::generate())
                .clear_ip_transports()
                .bind_addr("127.0.0.1:0")
                .unwrap()
                .bind()
                .await
                .unwrap()
        });
        let asked = Arc::new(AtomicUsize::new(0));
        runtime.spawn(accept(endpoint.clone(), Arc::new(answer), asked.clone()));
        Self {
            runtime,
            endpoint,
            asked,
        }
    }

    /// One that answers with what is in `store`, as if it were honest.
    pub(crate) fn serving(store: Store) -> Self {
        Self::new(move |ask| {
            let store = store.clone();
            async move { ask.answer(&store).await }
        })
    }

    /// How many requests came so far.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// Where it is.
    pub(crate) fn address(&self) -> EndpointAddr {
        let sockets = self.endpoint.bound_sockets().into_iter();
        EndpointAddr {
            id: self.endpoint.id(),
            addrs: sockets.map(TransportAddr::Ip).collect(),
        }
    }

    /// The ticket for a list.
    pub(crate) fn ticket(&self, hash: Hash) -> String {
        self.ticket_for(hash, BlobFormat::HashSeq)
    }

    /// The ticket for one blob.
    pub(crate) fn ticket_for_blob(&self, hash: Hash) -> String {
        self.ticket_for(hash, BlobFormat::Raw)
    }

    fn ticket_for(&self, hash: Hash, format: BlobFormat) -> String {
        let ticket = Ticket {
            addr: self.address(),
            hash,
            format,
            expires: None,
            others: Vec::new(),
        };
        ticket.to_string()
    }
}

impl Drop for Sharer {
    fn drop(&mut self) {
        let endpoint = self.endpoint.clone();
        self.runtime.block_on(async move { endpoint.close().await });
    }
}

async fn accept<F>(
    endpoint: Endpoint,
    answer: Arc<impl Fn(Ask) -> F + Send + Sync + 'static>,
    asked: Arc<AtomicUsize>,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let mut connections = 0;
    while let Some(incoming) = endpoint.accept().await {
        let nth = connections;
        connections += 1;
        let (answer, asked) = (answer.clone(), asked.clone());
        tokio::spawn(async move {
            let Ok(connection) = incoming.await else {
                return;
            };
            while let Ok((send, mut recv)) = connection.accept_bi().await {
                let Ok(bytes) = recv.read_to_end(MAX_REQUEST).await else {
                    continue;
                };
                asked.fetch_add(1, Ordering::SeqCst);
                let ask = Ask {
                    connection: connection.clone(),
                    nth,
                    request: Request::decode(&bytes).unwrap(),
                    send,
                    _recv: recv,
                };
                tokio::spawn(answer(ask));
            }
        });
    }
}
