//! Writes captures: what two ends say, as TCP segments in packets of any link layer.
#![allow(dead_code, unreachable_pub, missing_docs, reason = "each test uses a part")]

/// How packets are wrapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    Ethernet,
    Vlan,
    EthernetV6,
    Raw,
    Null,
    Loop,
    Sll,
    Sll2,
}

impl Link {
    pub const ALL: [Self; 8] = [
        Self::Ethernet,
        Self::Vlan,
        Self::EthernetV6,
        Self::Raw,
        Self::Null,
        Self::Loop,
        Self::Sll,
        Self::Sll2,
    ];

    fn code(self) -> u32 {
        match self {
            Self::Ethernet | Self::Vlan | Self::EthernetV6 => 1,
            Self::Raw => 101,
            Self::Null => 0,
            Self::Loop => 108,
            Self::Sll => 113,
            Self::Sll2 => 276,
        }
    }

    fn wrap(self, ip: &[u8]) -> Vec<u8> {
        let head: &[u8] = match self {
            Self::Ethernet => &[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0],
            Self::EthernetV6 => &[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x86, 0xdd],
            Self::Vlan => &[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x81, 0, 0, 7, 8, 0],
            Self::Raw => &[],
            Self::Null => &[2, 0, 0, 0],
            Self::Loop => &[0, 0, 0, 2],
            Self::Sll => &[0, 0, 3, 4, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0],
            Self::Sll2 => &[8, 0, 0, 0, 0, 0, 0, 1, 3, 4, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0],
        };
        [head, ip].concat()
    }
}

/// A packet that can be written.
#[derive(Clone, Debug)]
pub struct Packet {
    pub from_client: bool,
    pub bytes: Vec<u8>,
    pub original_len: usize,
}

/// The packets of some connections.
#[derive(Clone, Debug)]
pub struct Tape {
    pub link: Link,
    pub packets: Vec<Packet>,
    pub segment: usize,
    port: u16,
    sequence: [u32; 2],
}

pub const FIN: u8 = 1;
pub const SYN: u8 = 2;
pub const ACK: u8 = 16;

impl Tape {
    pub fn new(link: Link) -> Self {
        Self { link, packets: Vec::new(), segment: 1400, port: 40_000, sequence: [0; 2] }
    }

    /// A new connection. Its sequence numbers wrap soon.
    pub fn open(&mut self) {
        self.port += 1;
        self.sequence = [u32::MAX - 700, u32::MAX - 1500];
        self.packet(true, SYN, &[]);
        self.packet(false, SYN | ACK, &[]);
    }

    pub fn say(&mut self, from_client: bool, bytes: &[u8]) {
        for segment in bytes.chunks(self.segment) {
            self.packet(from_client, ACK, segment);
        }
    }

    pub fn close(&mut self) {
        self.fin(true);
        self.fin(false);
    }

    /// One end closes.
    pub fn fin(&mut self, by_client: bool) {
        self.packet(by_client, FIN | ACK, &[]);
    }

    pub fn packet(&mut self, from_client: bool, flags: u8, payload: &[u8]) {
        let sequence = &mut self.sequence[usize::from(!from_client)];
        let now = *sequence;
        *sequence = now.wrapping_add(payload.len() as u32 + u32::from(flags & (SYN | FIN) != 0));
        let ports = if from_client { (self.port, 443) } else { (443, self.port) };
        let bytes = self.link.wrap(&ip(self.link, from_client, &tcp(ports, now, flags, payload)));
        self.packets.push(Packet { from_client, original_len: bytes.len(), bytes });
    }

    /// Cuts each packet into IP fragments of at most `len` bytes, as a link with that MTU has it done.
    pub fn fragment(&mut self, len: usize) {
        let head = self.link.wrap(&[]).len();
        let packets = std::mem::take(&mut self.packets);
        for (index, packet) in packets.into_iter().enumerate() {
            let (link, ip) = packet.bytes.split_at(head);
            if ip.len() <= len {
                self.packets.push(packet);
                continue;
            }
            let v6 = self.link == Link::EthernetV6;
            let (header, payload) = ip.split_at(if v6 { 40 } else { 20 });
            let room = (len - header.len() - 8) / 8 * 8;
            for (nth, piece) in payload.chunks(room).enumerate() {
                let offset = (nth * room) as u16;
                let more = nth * room + piece.len() < payload.len();
                let mut bytes = [link, header].concat();
                let ip = &mut bytes[head..];
                if v6 {
                    ip[4..6].copy_from_slice(&(8 + piece.len() as u16).to_be_bytes());
                    ip[6] = 44;
                    bytes.extend_from_slice(&[6, 0]);
                    bytes.extend_from_slice(&(offset | u16::from(more)).to_be_bytes());
                    bytes.extend_from_slice(&(index as u32).to_be_bytes());
                } else {
                    ip[2..4].copy_from_slice(&(20 + piece.len() as u16).to_be_bytes());
                    ip[4..6].copy_from_slice(&(index as u16).to_be_bytes());
                    let flags = (offset / 8) | (u16::from(more) << 13);
                    ip[6..8].copy_from_slice(&flags.to_be_bytes());
                }
                bytes.extend_from_slice(piece);
                let (from_client, original_len) = (packet.from_client, bytes.len());
                self.packets.push(Packet { from_client, original_len, bytes });
            }
        }
    }

    /// As a classic capture.
    pub fn pcap(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for field in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 0x0004_0000, self.link.code()] {
            out.extend_from_slice(&field.to_le_bytes());
        }
        for (index, packet) in self.packets.iter().enumerate() {
            let fields = [1_700_000_000, index as u32, packet.bytes.len() as u32, packet.original_len as u32];
            fields.iter().for_each(|field| out.extend_from_slice(&field.to_le_bytes()));
            out.extend_from_slice(&packet.bytes);
        }
        out
    }

    /// As Wireshark writes it, in big-endian order for a change.
    pub fn pcapng(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut block = |kind: u32, body: &[u8]| {
            let padded = body.len().next_multiple_of(4);
            let total = (12 + padded as u32).to_be_bytes();
            out.extend_from_slice(&kind.to_be_bytes());
            out.extend_from_slice(&total);
            out.extend_from_slice(body);
            out.resize(out.len() + padded - body.len(), 0);
            out.extend_from_slice(&total);
        };
        block(0x0a0d_0d0a, &[&[0x1a, 0x2b, 0x3c, 0x4d, 0, 1, 0, 0][..], &[0xff; 8]].concat());
        block(1, &[&(self.link.code() as u16).to_be_bytes()[..], &[0; 6]].concat());
        for (index, packet) in self.packets.iter().enumerate() {
            let fields = [0, 0, index as u32, packet.bytes.len() as u32, packet.original_len as u32];
            let head: Vec<u8> = fields.iter().flat_map(|field| field.to_be_bytes()).collect();
            block(6, &[&head[..], &packet.bytes].concat());
        }
        out
    }
}

fn tcp(ports: (u16, u16), sequence: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = [ports.0.to_be_bytes(), ports.1.to_be_bytes()].concat();
    out.extend_from_slice(&sequence.to_be_bytes());
    out.extend_from_slice(&[0, 0, 0, 0, 0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
    out.extend_from_slice(payload);
    out
}

fn ip(link: Link, from_client: bool, segment: &[u8]) -> Vec<u8> {
    let (source, destination) = if from_client { (1, 2) } else { (2, 1) };
    let mut out = Vec::new();
    if link == Link::EthernetV6 {
        out.extend_from_slice(&[0x60, 0, 0, 0]);
        out.extend_from_slice(&(segment.len() as u16).to_be_bytes());
        out.extend_from_slice(&[6, 64]);
        for end in [source, destination] {
            out.extend_from_slice(&[0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, end]);
        }
    } else {
        out.extend_from_slice(&[0x45, 0]);
        out.extend_from_slice(&(20 + segment.len() as u16).to_be_bytes());
        out.extend_from_slice(&[0, 0, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, source, 10, 0, 0, destination]);
    }
    out.extend_from_slice(segment);
    out
}

/// Numbers that look random and are the same each time.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % limit.max(1)
    }

    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for at in (1..items.len()).rev() {
            items.swap(at, self.below(at + 1));
        }
    }
}
