//! DNS, for which there are no tokens.

use std::{
    io::{self, Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket},
    time::{Duration, Instant},
};

use iroh::SecretKey;
use iroh_dns::endpoint_info::EndpointInfo;
use socket2::{Domain, Socket, Type};

use super::{frames::place, https};
use crate::common::{Hub, Random, free_port, poll};

/// A question for a name and a type, by RFC 1035.
fn question(id: u16, name: &str, kind: u16) -> Vec<u8> {
    let mut bytes = id.to_be_bytes().to_vec();
    bytes.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    for label in name.split('.').filter(|label| !label.is_empty()) {
        bytes.push(u8::try_from(label.len()).unwrap());
        bytes.extend(label.as_bytes());
    }
    bytes.push(0);
    bytes.extend(kind.to_be_bytes());
    bytes.extend([0, 1]);
    bytes
}

const TXT: u16 = 16;
const AXFR: u16 = 252;
const ANY: u16 = 255;

/// Who is flooded, or floods.
const HERE: Ipv4Addr = Ipv4Addr::LOCALHOST;
/// Somebody in another network.
const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(127, 0, 1, 1);
/// A bound against waiting for ever.
const PATIENCE: Duration = Duration::from_mins(1);

fn by_udp(from: Ipv4Addr, to: SocketAddr) -> UdpSocket {
    let socket = UdpSocket::bind((from, 0)).unwrap();
    socket.connect(to).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

fn by_tcp(from: Ipv4Addr, to: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from((from, 0)).into()).unwrap();
    socket.connect(&to.into()).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.into()
}

fn answer_by_tcp(stream: &mut TcpStream, asked: &[u8]) -> io::Result<Vec<u8>> {
    let len = u16::try_from(asked.len()).unwrap().to_be_bytes();
    stream.write_all(&[&len[..], asked].concat())?;
    let mut len = [0; 2];
    stream.read_exact(&mut len)?;
    let mut answer = vec![0; usize::from(u16::from_be_bytes(len))];
    stream.read_exact(&mut answer)?;
    Ok(answer)
}

fn answer_by_udp(socket: &UdpSocket, asked: &[u8]) -> Vec<u8> {
    let mut answer = vec![0; 65_535];
    socket.send(asked).unwrap();
    let len = socket.recv(&mut answer).unwrap();
    answer.truncate(len);
    answer
}

/// Questions without end, without sense, and for all there is: no answer is much larger than its
/// question, since whoever asks may have lied about who is to get it; and an honest one is answered.
#[test]
fn questions_in_bad_faith() {
    let port = free_port();
    let hub = Hub::start(&["--dns-port", &port.to_string()]);
    let names = SocketAddr::from((HERE, port));
    let socket = by_udp(HERE, names);
    let mut random = Random(18);
    for number in 0..300_u16 {
        let name = format!("_iroh.{:016x}.nowhere", random.next());
        let kind = [TXT, AXFR, ANY, 1, 28, 6, 2][usize::from(number % 7)];
        let asked = question(number, &name, kind);
        let (asked_len, len) = (asked.len(), answer_by_udp(&socket, &asked).len());
        assert!(len <= 4 * asked_len + 64, "{len} bytes for {asked_len}");
    }
    // What is no question may be left without an answer.
    for _ in 0..300 {
        let len = usize::try_from(random.below(600)).unwrap();
        let garbage: Vec<u8> = (0..len).map(|_| random.next().to_le_bytes()[0]).collect();
        _ = socket.send(&garbage);
    }
    // TCP: a length that never comes, and zones that are nobody's business.
    let mut silent = Vec::new();
    for _ in 0..50 {
        let mut stream = by_tcp(HERE, names);
        stream.write_all(&[0xff, 0xff, 0]).unwrap();
        silent.push(stream);
    }
    if let Ok(answer) = answer_by_tcp(&mut by_tcp(HERE, names), &question(7, "", AXFR)) {
        assert!(answer.len() < 512, "no zone is given away");
    }
    let asked = question(4711, "_iroh.somebody.nowhere", TXT);
    let honest = by_udp(HERE, names);
    let mut answer = vec![0; 65_535];
    honest
        .set_read_timeout(Some(Duration::from_secs(1)))
        .unwrap();
    // Datagrams get lost where all of that is still to be read.
    let len = poll(|| {
        honest.send(&asked).unwrap();
        honest.recv(&mut answer)
    });
    assert_eq!(answer[..2], asked[..2], "{len} bytes");
    drop(hub);
}

/// A hub that answers at a port, and a question for the record of somebody there.
fn hub_with_a_record() -> (Hub, SocketAddr, Vec<u8>) {
    let port = free_port();
    let hub = Hub::start(&["--dns-port", &port.to_string()]);
    let (addr, token) = place(&hub);
    let key = SecretKey::generate();
    let url = "https://relay.example".parse().unwrap();
    let info = EndpointInfo::new(key.public())
        .with_relay_url(url)
        .with_user_data("x".repeat(200).parse().ok());
    let record = info.to_pkarr_signed_packet(&key, 30).unwrap();
    let path = format!("/pkarr/{}", key.public().to_z32());
    let body = record.to_relay_payload();
    let put = https::put(addr, "PUT", &path, Some(&token), &body);
    assert_eq!(put.status, 204, "{put:?}");
    let name = format!("_iroh.{}.hub.internal", key.public().to_z32());
    let names = SocketAddr::from((HERE, port));
    (hub, names, question(4711, &name, TXT))
}

/// Questions in the name of somebody who is to drown in the answers.
#[test]
fn a_hub_floods_nobody_for_another() {
    const QUESTIONS: usize = 3000;
    let (_hub, names, asked) = hub_with_a_record();
    let whole = answer_by_tcp(&mut by_tcp(HERE, names), &asked).unwrap();
    assert!(whole.len() > 3 * asked.len(), "worth it: {}", whole.len());
    let since = Instant::now();
    let flooded = by_udp(HERE, names);
    let mut bytes = 0;
    for _ in 0..QUESTIONS {
        let answer = answer_by_udp(&flooded, &asked);
        let says_tcp = answer[2] & 2 != 0;
        assert!(answer == whole || says_tcp && answer.len() <= asked.len());
        bytes += answer.len();
    }
    let seconds = usize::try_from(since.elapsed().as_secs()).unwrap() + 2;
    let most = QUESTIONS * asked.len() + 32 * seconds * whole.len();
    assert!(bytes <= most, "{bytes} bytes for {QUESTIONS} questions");
    // Others are answered as ever, and so is who was flooded, by TCP.
    assert_eq!(answer_by_udp(&by_udp(ELSEWHERE, names), &asked), whole);
    let by_tcp = answer_by_tcp(&mut by_tcp(HERE, names), &asked);
    assert_eq!(by_tcp.unwrap(), whole);
}

/// Connections without end: some are kept, and another network is let in all the same.
#[test]
fn connections_for_names_are_shared_among_networks() {
    let (_hub, names, asked) = hub_with_a_record();
    let mut honest = by_tcp(ELSEWHERE, names);
    let whole = answer_by_tcp(&mut honest, &asked).unwrap();
    let mut silent: Vec<_> = (0..200).map(|_| by_tcp(HERE, names)).collect();
    let late = answer_by_tcp(&mut by_tcp(ELSEWHERE, names), &asked);
    assert_eq!(late.unwrap(), whole);
    silent.retain_mut(|stream| answer_by_tcp(stream, &asked).is_ok());
    assert!(silent.len() <= 32, "{}", silent.len());
}

/// Who is really there, and asks without end, is answered as often, and waits for the rest.
#[test]
fn who_asks_without_end_waits() {
    const QUESTIONS: usize = 130;
    let (_hub, names, asked) = hub_with_a_record();
    let since = Instant::now();
    let mut greedy = by_tcp(HERE, names);
    for _ in 0..QUESTIONS {
        answer_by_tcp(&mut greedy, &asked).unwrap();
    }
    let seconds = usize::try_from(since.elapsed().as_secs()).unwrap() + 2;
    assert!(QUESTIONS <= 32 * seconds, "{seconds} s are too few");
}
