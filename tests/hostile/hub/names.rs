//! DNS, for which there are no tokens.

use std::{
    io::{Read as _, Write as _},
    net::{TcpStream, UdpSocket},
    time::Duration,
};

use crate::common::{Hub, Random, free_port};

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

/// Questions without end, without sense, and for all there is: no answer is much larger than its
/// question, since whoever asks may have lied about who is to get it; and an honest one is answered.
#[test]
fn questions_in_bad_faith() {
    let port = free_port();
    let hub = Hub::start(&["--dns-port", &port.to_string()]);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(("127.0.0.1", port)).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    let mut random = Random(18);
    let mut answer = vec![0; 65_535];
    for number in 0..300_u16 {
        let name = format!("_iroh.{:016x}.nowhere", random.next());
        let kind = [TXT, AXFR, ANY, 1, 28, 6, 2][usize::from(number % 7)];
        let asked = question(number, &name, kind);
        socket.send(&asked).unwrap();
        let len = socket.recv(&mut answer).unwrap();
        assert!(
            len <= 4 * asked.len() + 64,
            "{len} bytes for {}",
            asked.len()
        );
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
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.write_all(&[0xff, 0xff, 0]).unwrap();
        silent.push(stream);
    }
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    let asked = question(7, "", AXFR);
    let len = u16::try_from(asked.len()).unwrap().to_be_bytes();
    stream.write_all(&[&len[..], &asked].concat()).unwrap();
    let mut len = [0; 2];
    if stream.read_exact(&mut len).is_ok() {
        assert!(u16::from_be_bytes(len) < 512, "no zone is given away");
    }
    let asked = question(4711, "_iroh.somebody.nowhere", TXT);
    let honest = UdpSocket::bind("127.0.0.1:0").unwrap();
    honest.connect(("127.0.0.1", port)).unwrap();
    honest
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    honest.send(&asked).unwrap();
    let len = honest.recv(&mut answer).unwrap();
    assert_eq!(answer[..2], asked[..2], "{len} bytes");
    drop(hub);
}
