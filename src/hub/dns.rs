//! DNS, where the operator wants it: for everybody, since it knows no tokens.
//!
//! The directory's server of names listens on the loopback interface alone; this stands in front of it.
//! Whoever asks by UDP may have lied about who is to get the answer, which can be ten times as long as the
//! question (RFC 5358). So a network gets a few answers a second; beyond that it is told to ask by TCP
//! (TC, RFC 1035 section 4.1.1), in no more bytes than it asked with. Who is really there does that.
//! Connections are few, and where there is no room for one more, one of the network with most makes it
//! ([`Crowd`]). They get as many answers, and wait for those beyond.
//!
//! What can fail: a port is taken, which is said before the hub runs. What cannot be answered later is
//! left without an answer, as always in DNS, and asked again.

use std::{
    collections::{HashMap, hash_map::Entry},
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream, UdpSocket},
    task::{AbortHandle, JoinSet},
    time::timeout,
};

use super::{
    crowd::Crowd,
    directory::Directory,
    listen::{self, line_of},
    options::HubOptions,
    running::Parts,
};
use crate::events::Failure;

/// The port of DNS, and the one where that may not be taken.
const PORTS: [u16; 2] = [53, 5300];
/// Answers to one network, a second: by UDP, and as many by TCP. What resolves names for many people keeps
/// the answers.
const ANSWERS: u32 = 32;
/// Networks that are counted within a second; others are told to ask by TCP, or to wait.
const NETWORKS: usize = 16_384;
/// For how long answers are counted.
const SECOND: Duration = Duration::from_secs(1);
/// Questions by UDP that are being answered.
const UNDER_WAY: usize = 32;
/// Connections at once.
const CONNECTIONS: usize = 32;
/// How long the directory may take.
const WITHIN: Duration = Duration::from_secs(2);
/// How long a connection may take for a question, and to take an answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest question. A name has at most 255 bytes, and what is sent in one packet everywhere is this.
const QUESTION: usize = 1232;
/// The longest answer by UDP; for a longer one than the question allows, the directory says TC.
const ANSWER: usize = 4096;
/// The longest name, RFC 1035 section 3.1.
const NAME: usize = 255;
/// A header, RFC 1035 section 4.1.1.
const HEADER: usize = 12;

/// Where DNS is answered, once it is served.
#[derive(Debug)]
pub(super) struct Port {
    udp: UdpSocket,
    tcp: TcpListener,
    pub(super) addr: SocketAddr,
}

impl Port {
    /// Files that all this has open at most. Each question by TCP takes both ends of a connection to the
    /// directory, which is in this process.
    pub(super) const FILES: u64 = (2 + UNDER_WAY + 3 * CONNECTIONS) as u64;

    /// Takes the port of DNS at `ip`, if it is wanted; where nobody said so, only if it is free.
    ///
    /// # Errors
    /// `InTheWay` when a port that was asked for is taken, `LocalDisk` when this user may not take it.
    pub(super) fn open(options: &HubOptions, ip: IpAddr) -> Result<Option<Self>, Failure> {
        let at = |port: u16| {
            let addr = SocketAddr::new(ip, port);
            Self::take(addr).map_err(|error| (addr, error))
        };
        match options.dns_port {
            _ if !options.directory => Ok(None),
            Some(0) => Ok(None),
            Some(port) => at(port)
                .map(Some)
                .map_err(|(addr, error)| listen::cannot(addr, &error)),
            None if options.open => Ok(PORTS.iter().find_map(|port| at(*port).ok())),
            None => Ok(None),
        }
    }

    fn take(addr: SocketAddr) -> io::Result<Self> {
        Ok(Self {
            tcp: listen::listen(addr)?,
            udp: UdpSocket::from_std(listen::udp(addr)?)?,
            addr,
        })
    }

    /// Answers questions, by the directory of `parts`, until it is dropped.
    pub(super) async fn serve(self, parts: Arc<Parts>) {
        let Some(directory) = &parts.directory else {
            return;
        };
        let names = directory.names;
        tokio::join!(datagrams(self.udp, names), connections(self.tcp, &parts));
    }
}

/// Answers questions by UDP: a few, and to the others that they are to come by TCP.
async fn datagrams(socket: UdpSocket, names: SocketAddr) {
    let socket = Arc::new(socket);
    let mut allowance = Allowance::new(Instant::now());
    let mut under_way = JoinSet::new();
    // One byte more shows that it is too long.
    let mut buffer = [0; QUESTION + 1];
    loop {
        let received = tokio::select! {
            received = socket.recv_from(&mut buffer) => received,
            Some(_) = under_way.join_next(), if !under_way.is_empty() => continue,
        };
        let (len, from) = match received {
            Ok(received) => received,
            Err(error) => {
                tracing::warn!(%error, "a question was not received");
                // What fails once mostly fails again at once, as where memory is short.
                tokio::time::sleep(listen::AFTER_FAILURE).await;
                continue;
            }
        };
        let Some(end) = end_of_question(&buffer[..len]) else {
            continue;
        };
        if under_way.len() >= UNDER_WAY || !allowance.take(from.ip(), Instant::now()) {
            // What cannot be sent right now is lost, like any packet.
            _ = socket.try_send_to(&by_tcp(&buffer[..end]), from);
            continue;
        }
        let (socket, question) = (socket.clone(), buffer[..len].to_vec());
        under_way.spawn(async move {
            match timeout(WITHIN, ask(names, &question)).await {
                Ok(Ok(answer)) => _ = socket.send_to(&answer, from).await,
                Ok(Err(error)) => tracing::debug!(%error, "the directory cannot be asked"),
                Err(_) => tracing::debug!("the directory does not answer"),
            }
        });
    }
}

/// Asks the directory's server of names. A socket for each question, so that an answer that comes late is
/// nobody else's.
async fn ask(names: SocketAddr, question: &[u8]) -> io::Result<Vec<u8>> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    socket.connect(names).await?;
    socket.send(question).await?;
    let mut answer = vec![0; ANSWER];
    let len = socket.recv(&mut answer).await?;
    answer.truncate(len);
    Ok(answer)
}

/// Answers questions by TCP.
async fn connections(listener: TcpListener, parts: &Arc<Parts>) {
    let mut there = JoinSet::new();
    let mut crowd: Crowd<AbortHandle> = Crowd::default();
    let allowance = Arc::new(Mutex::new(Allowance::new(Instant::now())));
    let mut next = 0;
    loop {
        let (stream, from) = tokio::select! {
            accepted = listen::accept(&listener) => accepted,
            Some(ended) = there.join_next(), if !there.is_empty() => {
                if let Ok((ip, number)) = ended {
                    crowd.remove(ip, number);
                }
                continue;
            }
        };
        if crowd.len() >= CONNECTIONS
            && let Some(evicted) = crowd.make_room()
        {
            evicted.abort();
        }
        let (ip, number) = (from.ip(), next);
        next += 1;
        let (parts, allowance) = (parts.clone(), allowance.clone());
        let task = there.spawn(async move {
            if let Some(directory) = &parts.directory {
                // However it ends, there is nobody to tell.
                _ = converse(stream, ip, directory, &allowance).await;
            }
            (ip, number)
        });
        crowd.insert(ip, number, task);
    }
}

/// Waits until `ip` may have one more answer.
async fn may_be_answered(allowance: &Mutex<Allowance>, ip: IpAddr) {
    let takes = || {
        let mut allowance = allowance.lock().unwrap_or_else(PoisonError::into_inner);
        allowance.take(ip, Instant::now())
    };
    while !takes() {
        // All of this second's are had, and there are no more before it is over.
        tokio::time::sleep(SECOND).await;
    }
}

/// Answers the questions of one connection, one after the other, RFC 1035 section 4.2.2.
async fn converse(
    mut stream: TcpStream,
    ip: IpAddr,
    directory: &Directory,
    allowance: &Mutex<Allowance>,
) -> io::Result<()> {
    loop {
        let read = async {
            let len = usize::from(stream.read_u16().await?);
            if !(HEADER..=QUESTION).contains(&len) {
                return Err(io::ErrorKind::InvalidData.into());
            }
            let mut question = vec![0; len];
            stream.read_exact(&mut question).await?;
            io::Result::Ok(question)
        };
        let question = timeout(PATIENCE, read).await??;
        if end_of_question(&question).is_none() {
            return Err(io::ErrorKind::InvalidData.into());
        }
        may_be_answered(allowance, ip).await;
        let answer = directory.resolve(question).await?;
        let len = u16::try_from(answer.len()).map_err(io::Error::other)?;
        let answer = [&len.to_be_bytes(), &answer[..]].concat();
        timeout(PATIENCE, stream.write_all(&answer)).await??;
    }
}

/// Where the one question of `message` ends; `None` when it is anything but an ordinary question
/// (RFC 1035 section 4.1): then it is left without an answer, above all when it is an answer itself.
pub(crate) fn end_of_question(message: &[u8]) -> Option<usize> {
    let (header, names) = message.split_at_checked(HEADER)?;
    let is_query = header[2] & 0xf8 == 0;
    let is_one = header[4..6] == [0, 1];
    if !is_query || !is_one || message.len() > QUESTION {
        return None;
    }
    let mut at = 0;
    loop {
        let length = usize::from(*names.get(at)?);
        at += 1 + length;
        match length {
            0 => break,
            // The root takes one more.
            1..=63 if at < NAME => {}
            _ => return None,
        }
    }
    // Its type and its class.
    let end = HEADER + at + 4;
    (end <= message.len()).then_some(end)
}

/// The answer to `question`, which ends where its one question does, that says to ask by TCP.
pub(crate) fn by_tcp(question: &[u8]) -> Vec<u8> {
    const ANSWER: u8 = 0x80;
    const TRUNCATED: u8 = 0x02;
    const RECURSION_DESIRED: u8 = 0x01;
    let mut answer = question.to_vec();
    answer[2] = ANSWER | TRUNCATED | (question[2] & RECURSION_DESIRED);
    answer[3] = 0;
    // What came behind the question is not there any more.
    answer[6..HEADER].fill(0);
    answer
}

/// How many answers each network had within this second.
struct Allowance {
    since: Instant,
    answers: HashMap<IpAddr, u32>,
}

impl Allowance {
    fn new(now: Instant) -> Self {
        Self {
            since: now,
            answers: HashMap::new(),
        }
    }

    /// Whether `ip` may have one more.
    fn take(&mut self, ip: IpAddr, now: Instant) -> bool {
        if now.saturating_duration_since(self.since) >= SECOND {
            self.since = now;
            self.answers.clear();
        }
        let has_room = self.answers.len() < NETWORKS;
        match self.answers.entry(flooded(ip)) {
            Entry::Occupied(mut counted) => {
                let counted = counted.get_mut();
                *counted += u32::from(*counted < ANSWERS + 1);
                *counted <= ANSWERS
            }
            Entry::Vacant(vacant) => {
                if has_room {
                    vacant.insert(1);
                }
                has_room
            }
        }
    }
}

/// The network that shares one line, and would be flooded as one.
fn flooded(ip: IpAddr) -> IpAddr {
    match line_of(ip) {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            Ipv4Addr::new(a, b, c, 0).into()
        }
        v6 @ IpAddr::V6(_) => v6,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A question for `x.y`, with something behind it.
    fn message() -> Vec<u8> {
        let header = [7, 9, 0x01, 0x20, 0, 1, 0, 0, 0, 0, 0, 1];
        [
            &header[..],
            b"\x01x\x01y\x00\x00\x10\x00\x01",
            b"\x00\x00\x29",
        ]
        .concat()
    }

    #[test]
    fn a_network_gets_a_few_answers_a_second() {
        let start = Instant::now();
        let mut allowance = Allowance::new(start);
        let answers = |allowance: &mut Allowance, ip: &str, now| {
            let ip = ip.parse().unwrap();
            (0..1000).filter(|_| allowance.take(ip, now)).count()
        };
        let most = ANSWERS as usize;
        assert_eq!(answers(&mut allowance, "192.0.2.1", start), most);
        assert_eq!(answers(&mut allowance, "192.0.2.200", start), 0, "its line");
        assert_eq!(answers(&mut allowance, "192.0.3.1", start), most);
        assert_eq!(answers(&mut allowance, "2001:db8:1::1", start), most);
        assert_eq!(answers(&mut allowance, "2001:db8:1:2::1", start), 0);
        let later = start + SECOND;
        assert_eq!(answers(&mut allowance, "192.0.2.200", later), most);
    }

    #[test]
    fn networks_without_end_are_not_counted_without_end() {
        let start = Instant::now();
        let mut allowance = Allowance::new(start);
        let mut ips = (0..100_000_u32).map(|n| IpAddr::from(Ipv4Addr::from_bits(n << 8)));
        let answered = ips.by_ref().filter(|ip| allowance.take(*ip, start)).count();
        assert_eq!((answered, allowance.answers.len()), (NETWORKS, NETWORKS));
        assert!(allowance.take([0, 0, 0, 1].into(), start), "counted before");
    }

    #[test]
    fn the_answer_to_come_by_tcp_is_no_longer_than_the_question() {
        let message = message();
        let end = end_of_question(&message).unwrap();
        assert_eq!(end, message.len() - 3);
        let answer = by_tcp(&message[..end]);
        let header = [7, 9, 0x83, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        assert_eq!(answer, [&header, &message[HEADER..end]].concat());
        assert_eq!(end_of_question(&answer), None, "answers are not answered");
    }

    #[test]
    fn what_is_no_question_gets_no_answer() {
        let whole = message();
        let end = end_of_question(&whole).unwrap();
        for len in 0..end {
            assert_eq!(end_of_question(&whole[..len]), None, "{len}");
        }
        for (at, byte) in [
            (2, 0x81),
            (2, 0x28),
            (5, 0),
            (5, 2),
            (4, 1),
            (12, 0xc0),
            (12, 64),
        ] {
            let mut odd = whole.clone();
            odd[at] = byte;
            assert_eq!(end_of_question(&odd), None, "{at} {byte}");
        }
        let named = |last: u8| {
            let mut message = whole[..HEADER].to_vec();
            for len in [63, 63, 63, last] {
                message.push(len);
                message.resize(message.len() + usize::from(len), b'a');
            }
            message.extend([0; 5]);
            message
        };
        assert_eq!(end_of_question(&named(61)), Some(HEADER + NAME + 4));
        assert_eq!(end_of_question(&named(62)), None, "256 bytes of name");
        let long = [&whole[..], &[0; QUESTION]].concat();
        assert_eq!(end_of_question(&long), None);
    }
}
