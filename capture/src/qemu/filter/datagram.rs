//! What filter-mirror writes, as datagrams: two length words and a frame, each in a datagram of its own.
//!
//! Read `_filter_send` in QEMU's `net/filter-mirror.c`: N, the octets of virtio-net header and frame together; V, those of the header alone
//! (`vnet_hdr_support`); the N octets. Words are big-endian. What is lost on the way are whole datagrams.

/// The lengths that a virtio-net header can have (virtio 1.2, section 5.1.6): none, plain, mergeable buffers, hashed.
const HEADERS: [usize; 4] = [0, 10, 12, 20];
/// The shortest frame: two addresses and a type (IEEE 802.3, without the check sequence, and without padding).
const SHORTEST: usize = 14;
/// Datagrams of a frame.
const PARTS: u64 = 3;

/// Puts the datagrams of one filter together, and counts.
#[derive(Clone, Debug, Default)]
pub struct Assembler {
    words: Words,
    /// The header's length of the last whole frame: it stays the same while the guest's driver does.
    header: Option<usize>,
    datagrams: u64,
    frames: u64,
}

/// The length words that came since the last frame.
#[derive(Clone, Copy, Debug, Default)]
enum Words {
    #[default]
    None,
    One(u32),
    Both(u32, u32),
}

impl Assembler {
    /// Takes the next datagram; gives the frame that it completes.
    pub fn take<'a>(&mut self, datagram: &'a [u8]) -> Option<&'a [u8]> {
        self.datagrams += 1;
        if let Ok(word) = <[u8; 4]>::try_from(datagram) {
            let word = u32::from_be_bytes(word);
            self.words = match self.words {
                Words::One(first) => Words::Both(first, word),
                Words::None | Words::Both(..) => Words::One(word),
            };
            return None;
        }
        if let Words::Both(whole, header) = std::mem::take(&mut self.words)
            && whole as usize == datagram.len()
            && HEADERS.contains(&(header as usize))
        {
            self.header = Some(header as usize);
        }
        // Without any word ever seen it is not known where the frame starts.
        let frame = frame(datagram, self.header?)?;
        self.frames += 1;
        Some(frame)
    }

    /// Frames that did not come out whole, if the kernel dropped so many datagrams of this filter.
    pub fn lost(&self, dropped: u64) -> u64 {
        (self.datagrams.saturating_add(dropped) / PARTS).saturating_sub(self.frames)
    }
}

/// The frame behind a virtio-net header.
fn frame(datagram: &[u8], header: usize) -> Option<&[u8]> {
    // QEMU announces a migrated guest by frames that have no header, whatever the length says (`qemu_send_packet_raw`).
    let frame = if header > 0 && !is_header(datagram.get(..header)?) { datagram } else { &datagram[header..] };
    (frame.len() >= SHORTEST).then_some(frame)
}

/// Whether octets can be a virtio-net header: flags and segmentation have few values, and both are in every form of it.
fn is_header(octets: &[u8]) -> bool {
    const FLAGS: u8 = 7;
    const ECN: u8 = 0x80;
    matches!(octets, [flags, segmentation, ..] if *flags <= FLAGS && matches!(segmentation & !ECN, 0 | 1 | 3 | 4 | 5))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ARP: &[u8] = &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x52, 0x54, 0, 0x12, 0x34, 0x57, 8, 6, 0, 1, 8, 0, 6, 4];

    fn word(value: usize) -> Vec<u8> {
        (value as u32).to_be_bytes().to_vec()
    }

    /// A frame's datagrams.
    fn parts(header: &[u8], frame: &[u8]) -> [Vec<u8>; 3] {
        [word(header.len() + frame.len()), word(header.len()), [header, frame].concat()]
    }

    fn all<'a>(assembler: &mut Assembler, datagrams: &'a [Vec<u8>]) -> Vec<&'a [u8]> {
        datagrams.iter().filter_map(|datagram| assembler.take(datagram)).collect()
    }

    #[test]
    fn a_frame_comes_without_its_header() {
        for header in [0, 10, 12, 20] {
            let mut assembler = Assembler::default();
            assert_eq!(all(&mut assembler, &parts(&vec![0; header], ARP)), [ARP], "{header}");
            assert_eq!(assembler.lost(0), 0);
        }
    }

    #[test]
    fn a_frame_whose_words_were_lost_has_the_header_of_the_one_before() {
        let mut assembler = Assembler::default();
        let [_, _, first] = parts(&[0; 12], ARP);
        assert_eq!(assembler.take(&first), None, "nothing is known yet");
        let whole = parts(&[0; 12], ARP);
        assert_eq!(all(&mut assembler, &whole), [ARP]);
        let [_, second, third] = parts(&[0; 12], ARP);
        assert_eq!(all(&mut assembler, &[second, third]), [ARP]);
        assert_eq!(assembler.lost(3), 1, "the first did not come out whole");
    }

    #[test]
    fn losses_are_counted_in_frames() {
        let mut assembler = Assembler::default();
        let [first, second, _] = parts(&[], ARP);
        all(&mut assembler, &[first.clone(), second.clone()]);
        assert_eq!(assembler.lost(1), 1, "its octets were dropped");
        all(&mut assembler, &parts(&[], ARP));
        assert_eq!(assembler.lost(1), 1);
        assert_eq!(assembler.lost(301), 101);
    }

    #[test]
    fn an_announcement_without_a_header_is_a_frame() {
        let mut assembler = Assembler::default();
        assert_eq!(all(&mut assembler, &parts(&[0; 12], ARP)), [ARP]);
        assert_eq!(all(&mut assembler, &[word(ARP.len()), word(12), ARP.to_vec()]), [ARP]);
    }

    #[test]
    fn lengths_that_lie_start_no_frame_elsewhere() {
        let mut assembler = Assembler::default();
        for header in [1, 11, 13, 0x7fff_ffff] {
            assert_eq!(all(&mut assembler, &[word(ARP.len()), word(header), ARP.to_vec()]), [&[0u8; 0]; 0], "{header}");
        }
        assert_eq!(all(&mut assembler, &[word(9999), word(0), ARP.to_vec()]), [&[0u8; 0]; 0]);
        assert_eq!(assembler.lost(0), 5);
    }

    proptest! {
        #[test]
        fn any_datagrams_give_frames_out_of_themselves(datagrams in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..60)) {
            let mut assembler = Assembler::default();
            for datagram in &datagrams {
                if let Some(frame) = assembler.take(datagram) {
                    prop_assert!(frame.len() >= SHORTEST && datagram.ends_with(frame));
                }
            }
            prop_assert!(assembler.lost(0) <= datagrams.len() as u64 / PARTS);
        }

        #[test]
        fn a_frame_with_both_words_comes_out_whatever_was_lost_before(
            before in prop::collection::vec(any::<bool>(), 0..60),
            frame in prop::collection::vec(any::<u8>(), 14..200),
        ) {
            let sent: Vec<Vec<u8>> = before.chunks(3).flat_map(|_| parts(&[], ARP)).collect();
            let mut came: Vec<Vec<u8>> = sent.iter().zip(&before).filter(|(_, kept)| **kept).map(|(part, _)| part.clone()).collect();
            // A frame's octets end what was left over of words.
            came.extend(parts(&[], ARP));
            let mut assembler = Assembler::default();
            all(&mut assembler, &came);
            let last = parts(&[], &frame);
            prop_assert_eq!(all(&mut assembler, &last), [&frame[..]]);
        }
    }
}
