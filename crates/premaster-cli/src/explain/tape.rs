//! What crossed a link, as a capture: TCP segments in bare IPv4 packets, in a classic pcap.

/// LINKTYPE_RAW: packets begin with their IP header.
const RAW: u32 = 101;
/// Bytes of a segment.
const SEGMENT: usize = 1400;
const FIN: u8 = 1;
const SYN: u8 = 2;
const ACK: u8 = 16;

/// A capture that is being written.
pub(super) struct Tape {
    bytes: Vec<u8>,
    packets: u32,
}

impl Tape {
    pub(super) fn new() -> Self {
        let fields = [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 1 << 16, RAW];
        Self { bytes: fields.into_iter().flat_map(u32::to_le_bytes).collect(), packets: 0 }
    }

    /// Adds a connection from this port: what was said, and whether the client said it.
    pub(super) fn connection(&mut self, port: u16, said: &[(bool, Vec<u8>)]) {
        let mut sequence = [0_u32; 2];
        let mut packet = |from_client: bool, flags: u8, payload: &[u8]| {
            let own = &mut sequence[usize::from(from_client)];
            self.packet(from_client, port, *own, flags, payload);
            *own = own.wrapping_add(payload.len() as u32 + u32::from(flags & (SYN | FIN) != 0));
        };
        packet(true, SYN, &[]);
        packet(false, SYN | ACK, &[]);
        for (from_client, bytes) in said {
            bytes.chunks(SEGMENT).for_each(|segment| packet(*from_client, ACK, segment));
        }
        packet(true, FIN | ACK, &[]);
        packet(false, FIN | ACK, &[]);
    }

    fn packet(&mut self, from_client: bool, port: u16, sequence: u32, flags: u8, payload: &[u8]) {
        let length = 40 + payload.len();
        let ends = if from_client { [1, 2] } else { [2, 1] };
        let ports = if from_client { [port, 443] } else { [443, port] };
        // Seconds and microseconds; how much was captured, and how much there was.
        for field in [super::fixtures::NOW as u32, self.packets, length as u32, length as u32] {
            self.bytes.extend(field.to_le_bytes());
        }
        self.bytes.extend([0x45, 0]);
        self.bytes.extend((length as u16).to_be_bytes());
        self.bytes.extend([0, 0, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, ends[0], 10, 0, 0, ends[1]]);
        self.bytes.extend(ports.into_iter().flat_map(u16::to_be_bytes));
        self.bytes.extend(sequence.to_be_bytes());
        self.bytes.extend([0, 0, 0, 0, 0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
        self.bytes.extend(payload);
        self.packets += 1;
    }

    pub(super) fn as_slice(&self) -> &[u8] {
        &self.bytes
    }
}
