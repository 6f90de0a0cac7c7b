//! From a packet to a TCP segment: the link layers that captures come with, IPv4 and IPv6.
use crate::fragments::{Fragment, PacketId};
use etherparse::{EtherType, Ipv6ExtensionSlice, LaxNetSlice, LaxSlicedPacket, TcpSlice};
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
    /// Its headers are cut off or make no sense.
    Malformed,
    /// A link layer that is not known here.
    UnknownLink,
}

/// What is of use in a packet.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found<'a> {
    Segment(Segment<'a>),
    Fragment(Fragment<'a>),
}

/// Finds the TCP segment in a packet, or the piece of one.
pub(crate) fn find(link: u32, packet: &[u8]) -> Result<Found<'_>, Skip> {
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
    network(&sliced)
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

fn network<'a>(packet: &LaxSlicedPacket<'a>) -> Result<Found<'a>, Skip> {
    let (source, destination, ip, declared, piece): (IpAddr, IpAddr, _, usize, _) = match &packet.net {
        Some(LaxNetSlice::Ipv4(v4)) => {
            let header = v4.header();
            let extension = v4.extensions().auth.map_or(0, |auth| auth.slice().len());
            let declared = usize::from(header.total_len()).saturating_sub(header.slice().len() + extension);
            let offset = header.fragments_offset().byte_offset();
            let piece = (u32::from(header.identification()), offset, header.more_fragments());
            (header.source_addr().into(), header.destination_addr().into(), v4.payload(), declared, piece)
        }
        Some(LaxNetSlice::Ipv6(v6)) => {
            let header = v6.header();
            let declared = usize::from(header.payload_length()).saturating_sub(v6.extensions().slice().len());
            let piece = v6.extensions().clone().into_iter().find_map(|extension| match extension {
                Ipv6ExtensionSlice::Fragment(piece) => {
                    let offset = piece.fragment_offset().byte_offset();
                    Some((piece.identification(), offset, piece.more_fragments()))
                }
                _ => None,
            });
            let piece = piece.unwrap_or_default();
            (header.source_addr().into(), header.destination_addr().into(), v6.payload(), declared, piece)
        }
        Some(LaxNetSlice::Arp(_)) => return Err(Skip::NotTcp),
        None => return Err(if packet.stop_err.is_some() { Skip::Malformed } else { Skip::NotTcp }),
    };
    if ip.ip_number != etherparse::ip_number::TCP {
        return Err(Skip::NotTcp);
    }
    let cut = match ip.incomplete {
        true => declared.saturating_sub(ip.payload.len()),
        false => 0,
    };
    if ip.fragmented {
        // Of a piece that was cut off the rest is missing for good.
        let (identification, offset, more) = piece;
        let id = PacketId { source, destination, identification };
        return match cut {
            0 => Ok(Found::Fragment(Fragment { id, offset: offset.into(), more, payload: ip.payload })),
            _ => Err(Skip::Malformed),
        };
    }
    segment(source, destination, ip.payload, cut).map(Found::Segment)
}

/// The TCP segment that is the payload of an IP packet, of whose end `cut` bytes are missing.
pub(crate) fn segment(
    source: IpAddr,
    destination: IpAddr,
    payload: &[u8],
    cut: usize,
) -> Result<Segment<'_>, Skip> {
    let tcp = TcpSlice::from_slice(payload).map_err(|_| Skip::Malformed)?;
    Ok(Segment {
        source: SocketAddr::new(source, tcp.source_port()),
        destination: SocketAddr::new(destination, tcp.destination_port()),
        sequence: tcp.sequence_number(),
        syn: tcp.syn(),
        ack: tcp.ack(),
        fin: tcp.fin(),
        rst: tcp.rst(),
        payload: payload.get(tcp.header_slice().len()..).unwrap_or_default(),
        cut,
    })
}
