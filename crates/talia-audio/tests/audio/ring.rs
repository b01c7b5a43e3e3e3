//! The ring against a plain vector.

use proptest::prelude::*;
use talia_audio::ring::SampleRing;

proptest! {
    #[test]
    fn the_last_samples_in_order(
        capacity in 0..50_usize,
        pieces in prop::collection::vec(prop::collection::vec(any::<i16>(), 0..120), 0..12),
        wanted in 0..80_usize,
    ) {
        let mut ring = SampleRing::new(capacity);
        let mut all = Vec::new();
        for piece in &pieces {
            ring.push(piece);
            all.extend_from_slice(piece);
        }
        let kept = all.len().min(capacity);
        prop_assert_eq!(ring.len(), kept);
        prop_assert_eq!(ring.is_empty(), kept == 0);
        let count = kept.min(wanted);
        let mut copied = vec![42];
        prop_assert_eq!(ring.copy_last(wanted, &mut copied), count);
        prop_assert_eq!(copied[0], 42);
        prop_assert_eq!(&copied[1..], &all[all.len() - count..]);
        ring.clear();
        prop_assert!(ring.is_empty());
        prop_assert_eq!(ring.capacity(), capacity);
    }
}
