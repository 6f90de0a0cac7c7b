//! Capture files: pcap and pcapng, compressed with gzip or not, from anything that can be read.
use crate::CaptureError;
use flate2::read::MultiGzDecoder;
use pcap_parser::{
    Block, LegacyPcapReader, PcapBlockOwned, PcapError, PcapNGReader, SecretsType,
    traits::{PcapNGPacketBlock, PcapReaderIterator},
};
use std::{
    cell::Cell,
    io::{self, Cursor, ErrorKind, Read},
    rc::Rc,
    time::Duration,
};

/// Room for blocks at first; it grows when a block is longer.
const START_BUFFER: usize = 1 << 17;

/// The longest block that is taken. Packets are far shorter; a block of secrets may be long.
const MAX_BLOCK: usize = 1 << 25;

/// The longest section header that is taken: it is read before the parser has a buffer.
const MAX_SECTION_HEADER: usize = 1 << 16;

/// Interfaces of one section. More would only cost memory.
const MAX_INTERFACES: usize = 1 << 16;

const GZIP: [u8; 2] = [0x1f, 0x8b];
const SECTION_HEADER: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];
const BYTE_ORDER: u32 = 0x1a2b_3c4d;
/// pcap in either byte order, with microseconds, with nanoseconds, and as once modified.
const PCAP: [[u8; 4]; 5] = [
    [0xd4, 0xc3, 0xb2, 0xa1],
    [0xa1, 0xb2, 0xc3, 0xd4],
    [0x4d, 0x3c, 0xb2, 0xa1],
    [0xa1, 0xb2, 0x3c, 0x4d],
    [0x34, 0xcd, 0xb2, 0xa1],
];

/// How a capture is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The classic format of libpcap.
    Pcap,
    /// The block format, which may hold secrets.
    Pcapng,
}

/// One block of a capture, or one packet of the classic format.
pub(crate) struct Item<'a> {
    pub(crate) kind: Kind,
    /// The packet, or the secrets.
    pub(crate) data: &'a [u8],
    /// The whole block as it stands in the file.
    pub(crate) raw: &'a [u8],
}

/// What a block is.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Packet(PacketInfo),
    /// A key log inside the capture.
    Secrets,
    /// The header of a classic capture.
    PcapHeader {
        link: u32,
    },
    /// Anything else.
    Other,
}

/// What the file says about a packet.
#[derive(Clone, Copy)]
pub(crate) struct PacketInfo {
    /// Since 1970.
    pub(crate) time: Duration,
    /// LINKTYPE, as the registry of tcpdump.org counts.
    pub(crate) link: u32,
    /// Its length before the capture cut it.
    pub(crate) original_len: u32,
}

/// A network interface of a pcapng section.
struct Interface {
    link: u32,
    /// Units a second; 0 if the file's own statement makes no sense.
    resolution: u64,
    offset: i64,
}

/// Reads a capture block by block, in bounded memory.
pub(crate) struct Input<'r> {
    reader: Box<dyn PcapReaderIterator + 'r>,
    format: Format,
    nanoseconds: bool,
    link: u32,
    interfaces: Vec<Interface>,
    capacity: usize,
    /// Length of the block that was handed out last.
    due: usize,
    offset: u64,
    data: Vec<u8>,
    /// Whether the source ended where it should not: the parser only says that it could not read.
    cut: Rc<Cell<bool>>,
}

/// Notes if the end comes in the middle of what is compressed.
struct Watched<R> {
    source: R,
    cut: Rc<Cell<bool>>,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.source.read(buffer).inspect_err(|error| self.cut.set(error.kind() == ErrorKind::UnexpectedEof))
    }
}

impl<'r> Input<'r> {
    /// Recognizes the format by the first bytes.
    pub(crate) fn new(mut source: impl Read + 'r) -> Result<Self, CaptureError> {
        let mut start = [0; 4];
        let got = fill(&mut source, &mut start)?;
        if start.starts_with(&GZIP) {
            let source = MultiGzDecoder::new(Cursor::new(start).take(got as u64).chain(source));
            return Self::plain(Box::new(source));
        }
        let source = Cursor::new(start).take(got as u64).chain(source);
        Self::plain(Box::new(source))
    }

    fn plain(source: Box<dyn Read + 'r>) -> Result<Self, CaptureError> {
        let cut = Rc::new(Cell::new(false));
        let mut source = Watched { source, cut: cut.clone() };
        let mut head = vec![0; 12];
        let got = fill(&mut source, &mut head)?;
        head.truncate(got);
        if got == 0 {
            return Err(CaptureError::Empty);
        }
        let magic: [u8; 4] = *head.first_chunk().ok_or(CaptureError::NotACapture)?;
        // The parsers want the first header whole in their first read, which a pipe need not give.
        let (format, header_len) = match magic {
            SECTION_HEADER => (Format::Pcapng, section_header_len(&head)?),
            magic if PCAP.contains(&magic) => (Format::Pcap, 24),
            _ => return Err(CaptureError::NotACapture),
        };
        head.resize(header_len, 0);
        let more = fill(&mut source, head.get_mut(got..).unwrap_or_default())?;
        if got + more < header_len {
            return Err(CaptureError::Truncated { offset: 0 });
        }
        let source = Cursor::new(head).chain(source);
        let malformed = |_| CaptureError::Malformed { offset: 0 };
        let reader: Box<dyn PcapReaderIterator + 'r> = match format {
            Format::Pcap => Box::new(LegacyPcapReader::new(START_BUFFER, source).map_err(malformed)?),
            Format::Pcapng => Box::new(PcapNGReader::new(START_BUFFER, source).map_err(malformed)?),
        };
        Ok(Self {
            reader,
            format,
            nanoseconds: false,
            link: 0,
            interfaces: Vec::new(),
            capacity: START_BUFFER,
            due: 0,
            offset: 0,
            data: Vec::new(),
            cut,
        })
    }

    pub(crate) const fn format(&self) -> Format {
        self.format
    }

    /// How many bytes of the capture, as it is without compression, are done with.
    pub(crate) const fn offset(&self) -> u64 {
        self.offset
    }

    /// The next block. None at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Item<'_>>, CaptureError> {
        self.reader.consume(self.due);
        self.offset += self.due as u64;
        self.due = 0;
        let Some((len, kind)) = self.read()? else { return Ok(None) };
        self.due = len;
        let raw = self.reader.data().get(..len).unwrap_or_default();
        Ok(Some(Item { kind, data: &self.data, raw }))
    }

    /// Length and kind of the next block; its contents go to `data`.
    fn read(&mut self) -> Result<Option<(usize, Kind)>, CaptureError> {
        let offset = self.offset;
        loop {
            let problem = match self.reader.next() {
                Ok((len, block)) => {
                    self.data.clear();
                    let kind = match block {
                        PcapBlockOwned::LegacyHeader(header) => {
                            self.link = header.network.0 as u32 & 0x0fff_ffff;
                            self.nanoseconds = header.is_nanosecond_precision();
                            Kind::PcapHeader { link: self.link }
                        }
                        PcapBlockOwned::Legacy(packet) => {
                            self.data.extend_from_slice(packet.data);
                            let unit = if self.nanoseconds { 1 } else { 1000 };
                            let nanos = u64::from(packet.ts_usec) * unit;
                            let time =
                                Duration::from_secs(packet.ts_sec.into()) + Duration::from_nanos(nanos);
                            let (link, original_len) = (self.link, packet.origlen);
                            Kind::Packet(PacketInfo { time, link, original_len })
                        }
                        PcapBlockOwned::NG(block) => block_kind(&block, &mut self.interfaces, &mut self.data),
                    };
                    return match len {
                        // Nothing would be consumed, for ever.
                        0 => Err(CaptureError::Malformed { offset }),
                        len => Ok(Some((len, kind))),
                    };
                }
                Err(problem) => problem,
            };
            match problem {
                PcapError::Eof => return Ok(None),
                PcapError::Incomplete(_) => {}
                PcapError::BufferTooSmall if self.capacity < MAX_BLOCK => {
                    self.capacity *= 2;
                    let capacity = self.capacity;
                    self.reader.grow(capacity);
                }
                PcapError::UnexpectedEof => return Err(CaptureError::Truncated { offset }),
                PcapError::ReadError => return Err(self.unreadable(offset)),
                PcapError::BufferTooSmall => return Err(CaptureError::TooLong { offset }),
                _ => return Err(CaptureError::Malformed { offset }),
            }
            if self.reader.refill().is_err() {
                return Err(self.unreadable(offset));
            }
        }
    }

    fn unreadable(&self, offset: u64) -> CaptureError {
        match self.cut.get() {
            true => CaptureError::Truncated { offset },
            false => CaptureError::Read { offset },
        }
    }
}

fn block_kind(block: &Block<'_>, interfaces: &mut Vec<Interface>, data: &mut Vec<u8>) -> Kind {
    match block {
        Block::SectionHeader(_) => {
            interfaces.clear();
        }
        Block::InterfaceDescription(interface) if interfaces.len() < MAX_INTERFACES => {
            interfaces.push(Interface {
                link: interface.linktype.0 as u32,
                resolution: interface.ts_resolution().unwrap_or_default(),
                offset: interface.ts_offset(),
            });
        }
        Block::EnhancedPacket(packet) => {
            if let Some(interface) = interfaces.get(packet.if_id as usize) {
                data.extend_from_slice(packet.packet_data());
                let ticks = u64::from(packet.ts_high) << 32 | u64::from(packet.ts_low);
                let (link, original_len) = (interface.link, packet.origlen);
                return Kind::Packet(PacketInfo { time: interface.time(ticks), link, original_len });
            }
        }
        Block::SimplePacket(packet) => {
            if let Some(interface) = interfaces.first() {
                data.extend_from_slice(packet.packet_data());
                let (link, original_len) = (interface.link, packet.origlen);
                return Kind::Packet(PacketInfo { time: Duration::ZERO, link, original_len });
            }
        }
        Block::DecryptionSecrets(secrets) if secrets.secrets_type == SecretsType::TlsKeyLog => {
            let len = secrets.data.len().min(secrets.secrets_len as usize);
            data.extend_from_slice(secrets.data.get(..len).unwrap_or_default());
            return Kind::Secrets;
        }
        _ => {}
    }
    Kind::Other
}

impl Interface {
    fn time(&self, ticks: u64) -> Duration {
        let Some(seconds) = ticks.checked_div(self.resolution) else { return Duration::ZERO };
        let rest = u128::from(ticks % self.resolution) * 1_000_000_000 / u128::from(self.resolution);
        Duration::new(seconds.saturating_add_signed(self.offset), rest as u32)
    }
}

/// How long the section header is that starts with `head`.
fn section_header_len(head: &[u8]) -> Result<usize, CaptureError> {
    let malformed = CaptureError::Malformed { offset: 0 };
    let Some(&[a, b, c, d, order @ ..]) = head.get(4..12).and_then(<[u8]>::first_chunk::<8>) else {
        return Err(CaptureError::Truncated { offset: 0 });
    };
    let len = match order {
        order if u32::from_le_bytes(order) == BYTE_ORDER => u32::from_le_bytes([a, b, c, d]),
        order if u32::from_be_bytes(order) == BYTE_ORDER => u32::from_be_bytes([a, b, c, d]),
        _ => return Err(malformed),
    };
    match len as usize {
        len @ 28..=MAX_SECTION_HEADER => Ok(len),
        _ => Err(malformed),
    }
}

/// Reads until `buffer` is full or the source ends.
fn fill(source: &mut impl Read, buffer: &mut [u8]) -> Result<usize, CaptureError> {
    let mut filled = 0;
    while let Some(free) = buffer.get_mut(filled..).filter(|free| !free.is_empty()) {
        match source.read(free) {
            Ok(0) => break,
            Ok(len) => filled += len,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                return Err(CaptureError::Truncated { offset: 0 });
            }
            Err(_) => return Err(CaptureError::Read { offset: filled as u64 }),
        }
    }
    Ok(filled)
}
