//! What comes out of a TUN device with offload: a header that says how the system would cut the rest
//! into packets, and the rest, which may be dozens of packets in one piece.
//!
//! Such a piece costs the link as much as one packet, which is why it carries far more than it is asked
//! to. It is cut only where some of its packets are lost.

use std::io;

use tun_rs::{VIRTIO_NET_HDR_LEN, VirtioNetHdr, gso_split};

/// Room for the largest piece.
pub(crate) const LARGEST: usize = VIRTIO_NET_HDR_LEN + (1 << 16);

/// One piece as it was read.
pub(crate) struct Piece<'a> {
    header: VirtioNetHdr,
    bytes: &'a mut [u8],
}

impl<'a> Piece<'a> {
    /// Takes what was read from a device.
    pub(crate) fn new(bytes: &'a mut [u8]) -> io::Result<Self> {
        let mut header = VirtioNetHdr::decode(bytes)?;
        if header.gso_size > 0 {
            header.hdr_len =
                headers(&header, &bytes[VIRTIO_NET_HDR_LEN..]).ok_or(io::ErrorKind::InvalidData)?;
        }
        Ok(Self { header, bytes })
    }

    /// What goes into the other device to have the same come out there.
    pub(crate) fn whole(&self) -> &[u8] {
        self.bytes
    }

    fn packet(&self) -> &[u8] {
        &self.bytes[VIRTIO_NET_HDR_LEN..]
    }

    /// The sizes of its packets on the wire, IP headers included.
    pub(crate) fn sizes(&self) -> impl Iterator<Item = usize> + use<> {
        let length = self.packet().len();
        let (headers, segment) = if self.header.gso_size == 0 {
            (0, length)
        } else {
            let headers = usize::from(self.header.hdr_len);
            (headers, usize::from(self.header.gso_size))
        };
        let content = length - headers;
        let step = segment.max(1);
        (0..content.div_ceil(step))
            .map(move |number| headers + segment.min(content - number * step))
    }

    /// Its packets one by one, each with a header of its own.
    pub(crate) fn cut(self) -> io::Result<Vec<Vec<u8>>> {
        if self.header.gso_size == 0 {
            return Ok(vec![self.bytes.to_vec()]);
        }
        let sizes: Vec<_> = self.sizes().collect();
        // A header of zeros says: one packet, with its checksums in place.
        let room = VIRTIO_NET_HDR_LEN + sizes.iter().max().copied().unwrap_or_default();
        let mut packets = vec![vec![0; room]; sizes.len()];
        let mut written = vec![0; packets.len()];
        let is_v6 = self.packet().first().is_some_and(|byte| byte >> 4 == 6);
        gso_split(
            &mut self.bytes[VIRTIO_NET_HDR_LEN..],
            self.header,
            &mut packets,
            &mut written,
            VIRTIO_NET_HDR_LEN,
            is_v6,
        )?;
        for (packet, written) in packets.iter_mut().zip(written) {
            packet.truncate(VIRTIO_NET_HDR_LEN + written);
        }
        Ok(packets)
    }
}

/// How long the headers of a piece of several packets are, all together. What the system says of it is
/// only a hint.
fn headers(header: &VirtioNetHdr, packet: &[u8]) -> Option<u16> {
    const CHECKSUM_OF_TCP: u16 = 16;
    let transport = usize::from(header.csum_start);
    let length = if header.csum_offset == CHECKSUM_OF_TCP {
        u16::from(packet.get(transport + 12)? >> 4) * 4
    } else {
        8
    };
    let all = header.csum_start.checked_add(length)?;
    (usize::from(all) < packet.len()).then_some(all)
}
