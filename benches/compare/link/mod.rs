//! A link of a given rate, delay and loss between two networks, made in this process.
//!
//! Each network has a TUN device at 10.77.0.1 or 10.77.0.2; for each direction a thread reads what
//! comes out of one ([`packet`]), decides when it is due ([`shape`]), and writes it into the other
//! then. One thread for a direction and no locks: it takes all there is, hands on all that is due, and
//! sleeps until there is more of either.

mod packet;
mod shape;

use std::{
    collections::VecDeque,
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    time::{ClockId, clock_gettime},
};
use tun_rs::{DeviceBuilder, SyncDevice};

pub(crate) use shape::Shape;

use crate::net::{Net, ip};
use packet::Piece;
use shape::Way;

/// The addresses of its two ends.
pub(crate) const ENDS: [&str; 2] = ["10.77.0.1", "10.77.0.2"];

/// Packets that wait in the device for a thread that has no processor: more than a burst.
const DEVICE_QUEUE: &str = "10000";

/// The longest that a direction sleeps, so that it notices when it shall end.
const NAP: Duration = Duration::from_millis(50);

/// What is read before the clocks are looked at again.
const BATCH: usize = 64;

/// What a direction has carried.
#[derive(Default)]
struct Count {
    /// Bytes on the wire, IP headers included, lost ones too.
    bytes: AtomicU64,
    /// Of processor time, in nanoseconds.
    busy: AtomicU64,
}

/// A link that works until it is dropped.
pub(crate) struct Link {
    nets: [Net; 2],
    /// From the first end to the second, and back.
    counts: [Arc<Count>; 2],
    over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Link {
    /// Makes two networks with nothing but loopback and this link between them.
    pub(crate) fn new(shape: Shape) -> Result<Self> {
        let nets = [Net::new(ENDS[0])?, Net::new(ENDS[1])?];
        let mut devices = Vec::new();
        for (number, net) in nets.iter().enumerate() {
            let name = format!("link{number}");
            let device = DeviceBuilder::new()
                .name(&name)
                .offload(true)
                .build_sync()
                .context("no TUN device can be made, see /dev/net/tun")?;
            device.set_nonblocking(true)?;
            net.adopt(&name)?;
            // No chatter of the system's own.
            net.ip(&["link", "set", &name, "addrgenmode", "none"])?;
            let address = format!("{}/24", ENDS[number]);
            net.ip(&["address", "add", &address, "dev", &name])?;
            net.ip(&["link", "set", &name, "txqueuelen", DEVICE_QUEUE, "up"])?;
            devices.push(Arc::new(device));
        }
        let over = Arc::new(AtomicBool::new(false));
        let counts = [Arc::default(), Arc::default()];
        let mut threads = Vec::new();
        for (number, count) in counts.iter().enumerate() {
            let direction = Direction {
                from: devices[number].clone(),
                to: devices[1 - number].clone(),
                way: Way::new(shape, 1 + number as u64),
                waiting: VecDeque::new(),
                count: Arc::clone(count),
            };
            let over = Arc::clone(&over);
            threads.push(thread::spawn(move || direction.run(&over)));
        }
        Ok(Self {
            nets,
            counts,
            over,
            threads,
        })
    }

    /// The network at one of the [`ENDS`].
    pub(crate) fn net(&self, end: usize) -> &Net {
        &self.nets[end]
    }

    /// Bytes that it was given at the first end so far, IP headers included.
    pub(crate) fn bytes(&self) -> u64 {
        self.counts[0].bytes.load(Ordering::Relaxed)
    }

    /// The processor time that it took so far.
    pub(crate) fn busy(&self) -> Duration {
        let busy = self.counts.iter().map(|c| c.busy.load(Ordering::Relaxed));
        Duration::from_nanos(busy.sum())
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            _ = thread.join();
        }
    }
}

/// What goes from one device to the other.
struct Direction {
    from: Arc<SyncDevice>,
    to: Arc<SyncDevice>,
    way: Way,
    /// In the order in which they are due: the delay is the same for all.
    waiting: VecDeque<(Instant, Vec<u8>)>,
    count: Arc<Count>,
}

impl Direction {
    fn run(mut self, over: &AtomicBool) {
        let mut room = vec![0; packet::LARGEST];
        while !over.load(Ordering::Relaxed) {
            let mut nap = self.hand_on();
            for _ in 0..BATCH {
                let Ok(length) = self.from.recv(&mut room) else {
                    break;
                };
                // What cannot be understood is lost; there is nobody to tell.
                _ = self.take(&mut room[..length]);
                // Whoever sends without end must not keep back what is due.
                nap = self.hand_on();
            }
            let time = clock_gettime(ClockId::ThreadCPUTime);
            let busy = time.tv_sec * 1_000_000_000 + time.tv_nsec;
            let busy = busy.unsigned_abs();
            self.count.busy.store(busy, Ordering::Relaxed);
            let nap = Timespec {
                tv_sec: 0,
                tv_nsec: nap.subsec_nanos().into(),
            };
            let mut watched = [PollFd::new(&*self.from, PollFlags::IN)];
            _ = poll(&mut watched, Some(&nap));
        }
    }

    /// Lets in what was read.
    fn take(&mut self, bytes: &mut [u8]) -> io::Result<()> {
        let now = Instant::now();
        let piece = Piece::new(bytes)?;
        let mut due = Vec::new();
        for size in piece.sizes() {
            self.count.bytes.fetch_add(size as u64, Ordering::Relaxed);
            due.push(self.way.admit(size, now));
        }
        if due.iter().all(Option::is_some) {
            // The piece is there when its last packet is.
            if let Some(due) = due.into_iter().flatten().last() {
                self.waiting.push_back((due, piece.whole().to_vec()));
            }
        } else if due.iter().any(Option::is_some) {
            for (due, packet) in due.into_iter().zip(piece.cut()?) {
                self.waiting.extend(due.map(|due| (due, packet)));
            }
        }
        Ok(())
    }

    /// Hands on all that is due; how long there is nothing to do then.
    fn hand_on(&mut self) -> Duration {
        let now = Instant::now();
        while let Some((due, bytes)) = self.waiting.front() {
            if *due > now {
                return (*due - now).min(NAP);
            }
            // A device that takes no more loses what it is given, as one of metal does.
            _ = self.to.send(bytes);
            self.waiting.pop_front();
        }
        NAP
    }
}

/// Brings up the loopback interface of the network that this process is in.
pub(crate) fn bring_up_loopback() -> Result<()> {
    ip(&["link", "set", "lo", "up"])
}
