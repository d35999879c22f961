//! A relay that does to packets whatever it can. They are encrypted from one end to the other, so it can
//! hold things up and nothing else.

use std::{
    collections::VecDeque,
    io,
    sync::{
        OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use iroh::SecretKey;
use tokio::{
    io::{AsyncBufRead, AsyncReadExt as _, AsyncWriteExt as _},
    time::{Instant, MissedTickBehavior},
};

use super::{Evil, ToMember, head};
use crate::{
    common::{Random, assert_same_tree, filler},
    sharer::victim::{Usage, WORK},
};

/// Frames of the relay's protocol to members, by their first byte.
const DATAGRAM: u8 = 6;
const BATCH: u8 = 7;
const GONE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;
const HEALTH: u8 = 11;
const RESTARTING: u8 = 12;
const STATUS: u8 = 13;

/// Where the datagrams begin in such a frame: behind its kind, who sent it, and a byte of congestion.
const CONTENT: usize = 34;

/// How many frames it floods each member with in a thousandth of a second, and for how long. With
/// everything else at the same time little gets through meanwhile: a relay can always carry nothing.
const FLOOD: usize = 10;
const FLOOD_LASTS: Duration = Duration::from_secs(8);

/// What it does.
#[derive(Debug, Clone, Copy)]
pub(super) enum Mischief {
    /// Drops, doubles, reorders, delays and changes packets, sends old ones again and makes up batches.
    Mangle,
    /// Says that peers are gone, that it restarts, that all is well or not.
    Talk,
    /// Sends ten thousand made-up packets a second, from strangers and in the name of the other side.
    Flood,
    /// All of it.
    Everything,
}

impl Mischief {
    fn mangles(self) -> bool {
        matches!(self, Self::Mangle | Self::Everything)
    }

    fn talks(self) -> bool {
        matches!(self, Self::Talk | Self::Everything)
    }

    fn floods(self) -> bool {
        matches!(self, Self::Flood | Self::Everything)
    }

    /// Carries what the relay says to a member.
    pub(super) async fn carry(
        self,
        from_hub: &mut (impl AsyncBufRead + Unpin),
        to_member: &mut ToMember,
        began: &Began,
    ) -> io::Result<()> {
        to_member.write_all(&head(from_hub).await?).await?;
        let mut work = Work {
            what: self,
            random: Random(20_261_123),
            seen: VecDeque::new(),
            held: VecDeque::new(),
            count: 0,
        };
        let mut flood = tokio::time::interval(Duration::from_millis(1));
        flood.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut quiet_until = Instant::now();
        let mut first = [0];
        loop {
            // Only between frames: reading a part of one and forgetting it would be the end of it.
            let begun = tokio::select! {
                begun = from_hub.read_exact(&mut first) => { begun?; true }
                _ = flood.tick(), if self.floods() && work.count > 0 && began.lasts() => false,
            };
            let mut frames = Vec::new();
            if begun {
                let frame = rest(first[0], from_hub).await?;
                work.take(&frame, began, &mut frames);
            } else {
                work.make_up(&mut frames);
            }
            if self.mangles() && work.count.is_multiple_of(200) && quiet_until < Instant::now() {
                // All that follows comes late, as over a way that is jammed for a moment.
                quiet_until = Instant::now() + Duration::from_secs(2);
                tokio::time::sleep(Duration::from_millis(400)).await;
            }
            for (first, payload) in &frames {
                say(*first, payload, to_member).await?;
            }
            to_member.flush().await?;
        }
    }
}

/// What lasts while connections come and go: when there was something to flood first, and how often it
/// had members end their connections. Having them do that all the time is as good as not being there.
#[derive(Debug, Default)]
pub(super) struct Began {
    flood: OnceLock<Instant>,
    restarts: AtomicUsize,
}

impl Began {
    fn lasts(&self) -> bool {
        self.flood.get_or_init(Instant::now).elapsed() < FLOOD_LASTS
    }

    fn restarts(&self) -> bool {
        self.restarts.fetch_add(1, Ordering::Relaxed) < 3
    }
}

/// A frame of WebSocket: its first byte, and what is in it.
type Frame = (u8, Vec<u8>);

/// A complete binary frame.
const BINARY: u8 = 0x82;

struct Work {
    what: Mischief,
    random: Random,
    /// Some that went past, from anybody.
    seen: VecDeque<Vec<u8>>,
    /// Those that come later than they should.
    held: VecDeque<Vec<u8>>,
    /// How many datagrams there were.
    count: usize,
}

impl Work {
    /// What becomes of a frame.
    fn take(&mut self, (first, payload): &Frame, began: &Began, out: &mut Vec<Frame>) {
        let is_content = matches!(payload.first(), Some(&DATAGRAM | &BATCH));
        if *first != BINARY || !is_content || payload.len() < CONTENT + 4 {
            out.push((*first, payload.clone()));
            return;
        }
        self.count += 1;
        self.seen.push_back(payload.clone());
        if self.seen.len() > 64 {
            self.seen.pop_front();
        }
        let mut send = |payload: Vec<u8>| out.push((BINARY, payload));
        if self.what.mangles() {
            match self.random.below(100) {
                0..2 => {}
                2..4 => {
                    send(payload.clone());
                    send(payload.clone());
                }
                4..7 => self.held.push_back(payload.clone()),
                7..9 => {
                    let mut changed = payload.clone();
                    let at = self.random.below((payload.len() - CONTENT) as u64);
                    changed[CONTENT + usize::try_from(at).unwrap()] ^= 1;
                    send(changed);
                }
                9..11 => {
                    send(payload.clone());
                    send(self.seen[0].clone());
                }
                11 => {
                    send(payload.clone());
                    send([&[BATCH], &payload[1..CONTENT], &[0, 1], &[0x41; 4096]].concat());
                    send([&[BATCH], &payload[1..CONTENT], &[0xff, 0xff], b"short"].concat());
                }
                _ => send(payload.clone()),
            }
            if self.held.len() > 6 {
                self.held.drain(..).rev().for_each(&mut send);
            }
        } else {
            send(payload.clone());
        }
        if self.what.talks() && self.count.is_multiple_of(5) {
            send([&[GONE], &payload[1..33]].concat());
            send(vec![STATUS, u8::try_from(self.count % 5).unwrap()]);
            send([&[PONG][..], &[7; 8]].concat());
        }
        if self.what.talks() && self.count == 400 && began.restarts() {
            send([&[RESTARTING][..], &[0; 4], &[0xff; 4]].concat());
            // No longer a part of the protocol: the member ends the connection, and comes back.
            send([&[HEALTH][..], "\x1b[31mnot well".as_bytes()].concat());
        }
    }

    /// What nobody sent.
    fn make_up(&mut self, out: &mut Vec<Frame>) {
        let peer = self.seen.back().map(|frame| frame[1..33].to_vec());
        for number in 0..FLOOD {
            let stranger = SecretKey::from_bytes(&[u8::try_from(number).unwrap(); 32]).public();
            let from = match &peer {
                Some(peer) if number % 2 == 0 => peer.as_slice(),
                _ => stranger.as_bytes(),
            };
            let noise: Vec<u8> = (0..150)
                .flat_map(|_| self.random.next().to_le_bytes())
                .collect();
            out.push((BINARY, [&[DATAGRAM], from, &[0], &noise].concat()));
        }
        out.push((
            BINARY,
            [&[PING][..], &self.random.next().to_le_bytes()].concat(),
        ));
        out.push((BINARY, vec![STATUS, 0]));
    }
}

/// The rest of a frame that began with `first`. Servers mask nothing.
async fn rest(first: u8, from: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Frame> {
    let len = match from.read_u8().await? & 0x7f {
        126 => usize::from(from.read_u16().await?),
        127 => usize::try_from(from.read_u64().await?).unwrap(),
        len => usize::from(len),
    };
    let mut payload = vec![0; len];
    from.read_exact(&mut payload).await?;
    Ok((first, payload))
}

async fn say(first: u8, payload: &[u8], to: &mut ToMember) -> io::Result<()> {
    let mut head = vec![first];
    match u16::try_from(payload.len()) {
        Ok(len @ 0..126) => head.push(u8::try_from(len).unwrap()),
        Ok(len) => {
            head.push(126);
            head.extend(len.to_be_bytes());
        }
        Err(_) => {
            head.push(127);
            head.extend((payload.len() as u64).to_be_bytes());
        }
    }
    to.write_all(&head).await?;
    to.write_all(payload).await
}

const MIB: usize = 1 << 20;

/// How long it may take at most. Without mischief it takes a second.
const WITHIN: Duration = Duration::from_mins(2);

/// Most memory of either side, in MiB.
const MEMORY: u64 = 256;

/// Whatever the relay does, what arrives is what was shared.
fn arrives(mischief: Mischief) {
    let evil = Evil::new();
    let (alice, bob) = (evil.member("alice"), evil.member("bob"));
    evil.turns(mischief);
    alice.write("large", filler(4 * MIB));
    alice.write("small", b"x");
    let sharing = alice.share(&["large", "small", "--relay-only"]);
    let getting = bob.start_get(&sharing.ticket, &["--relay-only"]);
    let usages = [Usage::of(&sharing), Usage::of(&getting)];
    let got = getting.end_within(WITHIN).expect(0);
    for name in ["large", "small"] {
        assert_same_tree(&alice.path(name), &bob.path(name));
    }
    got.connected_by("relay");
    assert!(!got.told().contains('\x1b'), "{got}");
    for usage in usages {
        let (memory, work) = usage.most();
        assert!(memory <= MEMORY, "{memory} MiB: {got}");
        assert!(work < WORK, "{} ms: {got}", work.as_millis());
    }
    sharing.into_running().interrupt().expect(130);
}

#[test]
fn packets_that_a_relay_mangles_arrive_whole() {
    arrives(Mischief::Mangle);
}

#[test]
fn a_relay_that_says_the_peer_is_gone_is_not_believed() {
    arrives(Mischief::Talk);
}

#[test]
fn a_relay_that_floods_its_members_costs_little() {
    arrives(Mischief::Flood);
}

#[test]
fn a_relay_that_does_all_of_it_is_survived() {
    arrives(Mischief::Everything);
}
