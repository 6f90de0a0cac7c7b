//! From a packet to a TCP segment: the link layers that captures come with, IPv4 and IPv6.
use etherparse::{EtherType, LaxNetSlice, LaxSlicedPacket, TransportSlice};
use std::net::{IpAddr, SocketAddr};

/// LINKTYPE values (the registry of tcpdump.org).
mod linktype {
    pub(super) const NULL: u32 = 0;
    pub(super) const ETHERNET: u32 = 1;
    pub(super) const RAW: u32 = 101;
    /// What some BSDs, and OpenBSD, say for RAW.
    pub(super) const RAW_BSD: u32 = 12;
    pub(super) const RAW_OPENBSD: u32 = 14;
    pub(super) const LOOP: u32 = 108;
    pub(super) const LINUX_SLL: u32 = 113;
    pub(super) const IPV4: u32 = 228;
    pub(super) const IPV6: u32 = 229;
    pub(super) const LINUX_SLL2: u32 = 276;
}

/// A TCP segment.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Segment<'a> {
    pub(crate) source: SocketAddr,
    pub(crate) destination: SocketAddr,
    pub(crate) sequence: u32,
    pub(crate) syn: bool,
    pub(crate) ack: bool,
    pub(crate) fin: bool,
    pub(crate) rst: bool,
    pub(crate) payload: &'a [u8],
    /// Bytes at the end of the payload that the capture cut off.
    pub(crate) cut: usize,
}

/// Why a packet is of no use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Skip {
    /// It is something else than TCP.
    NotTcp,
    /// It is a fragment of an IP packet.
    Fragment,
    /// Its headers are cut off or make no sense.
    Malformed,
    /// A link layer that is not known here.
    UnknownLink,
}

/// Finds the TCP segment in a packet.
pub(crate) fn segment(link: u32, packet: &[u8]) -> Result<Segment<'_>, Skip> {
    let sliced = match link {
        linktype::ETHERNET => LaxSlicedPacket::from_ethernet(packet).map_err(|_| Skip::Malformed)?,
        linktype::RAW | linktype::RAW_BSD | linktype::RAW_OPENBSD | linktype::IPV4 | linktype::IPV6 => {
            ip(packet)?
        }
        // Four bytes of address family, which the IP version says again.
        linktype::NULL | linktype::LOOP => ip(packet.get(4..).ok_or(Skip::Malformed)?)?,
        linktype::LINUX_SLL => cooked(packet, 14, 16)?,
        linktype::LINUX_SLL2 => cooked(packet, 0, 20)?,
        _ => return Err(Skip::UnknownLink),
    };
    tcp(&sliced)
}

fn ip(packet: &[u8]) -> Result<LaxSlicedPacket<'_>, Skip> {
    LaxSlicedPacket::from_ip(packet).map_err(|_| Skip::Malformed)
}

/// Linux' own header, with the EtherType at `at` and the packet behind `len` bytes.
fn cooked(packet: &[u8], at: usize, len: usize) -> Result<LaxSlicedPacket<'_>, Skip> {
    let ether_type: &[u8; 2] = packet.get(at..).and_then(<[u8]>::first_chunk).ok_or(Skip::Malformed)?;
    let payload = packet.get(len..).ok_or(Skip::Malformed)?;
    Ok(LaxSlicedPacket::from_ether_type(EtherType(u16::from_be_bytes(*ether_type)), payload))
}

fn tcp<'a>(packet: &LaxSlicedPacket<'a>) -> Result<Segment<'a>, Skip> {
    let (source, destination, ip, declared): (IpAddr, IpAddr, _, usize) = match &packet.net {
        Some(LaxNetSlice::Ipv4(v4)) => {
            let header = v4.header();
            let extension = v4.extensions().auth.map_or(0, |auth| auth.slice().len());
            let declared = usize::from(header.total_len()).saturating_sub(header.slice().len() + extension);
            (header.source_addr().into(), header.destination_addr().into(), v4.payload(), declared)
        }
        Some(LaxNetSlice::Ipv6(v6)) => {
            let header = v6.header();
            let declared = usize::from(header.payload_length()).saturating_sub(v6.extensions().slice().len());
            (header.source_addr().into(), header.destination_addr().into(), v6.payload(), declared)
        }
        Some(LaxNetSlice::Arp(_)) => return Err(Skip::NotTcp),
        None => return Err(if packet.stop_err.is_some() { Skip::Malformed } else { Skip::NotTcp }),
    };
    if ip.fragmented {
        return Err(Skip::Fragment);
    }
    let Some(TransportSlice::Tcp(tcp)) = &packet.transport else {
        let is_tcp = ip.ip_number == etherparse::ip_number::TCP;
        return Err(if is_tcp { Skip::Malformed } else { Skip::NotTcp });
    };
    let cut = match ip.incomplete {
        true => declared.saturating_sub(ip.payload.len()),
        false => 0,
    };
    Ok(Segment {
        source: SocketAddr::new(source, tcp.source_port()),
        destination: SocketAddr::new(destination, tcp.destination_port()),
        sequence: tcp.sequence_number(),
        syn: tcp.syn(),
        ack: tcp.ack(),
        fin: tcp.fin(),
        rst: tcp.rst(),
        payload: tcp.payload(),
        cut,
    })
}
