//! Greys, and colours that colour-blind readers can distinguish (Okabe and Ito 2008).

use super::scene::Color;

pub(crate) const WHITE: Color = Color(0xff, 0xff, 0xff);
pub(crate) const INK: Color = Color(0x22, 0x22, 0x22);
pub(super) const GREY: Color = Color(0x66, 0x66, 0x66);
pub(super) const SILVER: Color = Color(0xaa, 0xaa, 0xaa);
pub(super) const RULE: Color = Color(0xdd, 0xdd, 0xdd);
pub(super) const ORANGE: Color = Color(0xe6, 0x9f, 0x00);
pub(super) const SKY: Color = Color(0x56, 0xb4, 0xe9);
pub(super) const GREEN: Color = Color(0x00, 0x9e, 0x73);
pub(super) const YELLOW: Color = Color(0xf0, 0xe4, 0x42);
pub(super) const BLUE: Color = Color(0x00, 0x72, 0xb2);
pub(super) const VERMILION: Color = Color(0xd5, 0x5e, 0x00);
pub(super) const PURPLE: Color = Color(0xcc, 0x79, 0xa7);

/// Colour of policy `at`; the candidate comes first.
pub(super) fn policy(at: usize) -> Color {
    const MORE: [Color; 6] = [
        Color(0x8c, 0x56, 0x4b),
        Color(0x7a, 0x7a, 0x00),
        Color(0x5b, 0x2c, 0x83),
        Color(0x00, 0x5f, 0x73),
        Color(0x99, 0x99, 0x99),
        Color(0xc9, 0xa6, 0x6b),
    ];
    let first = [VERMILION, BLUE, GREEN, PURPLE, ORANGE, SKY, INK];
    let all = first.iter().chain(&MORE);
    *all.cycle().nth(at).expect("colours come again")
}

/// Colour of scenario `at`.
pub(super) fn scenario(at: usize) -> Color {
    [BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILION, INK][at % 7]
}

/// Colour of cause `at`.
pub(super) fn cause(at: usize) -> Color {
    [
        VERMILION, ORANGE, PURPLE, INK, SILVER, BLUE, SKY, GREEN, YELLOW,
    ][at % 9]
}

/// White to dark blue for shares from 0 to 1.
pub(super) fn shade(share: f64) -> Color {
    blend(Color(8, 64, 129), share)
}

/// White to `full` for shares from 0 to 1.
fn blend(full: Color, share: f64) -> Color {
    let mix = |to: u8| {
        let value = 255.0 + (f64::from(to) - 255.0) * share.clamp(0.0, 1.0);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between two bytes"
        )]
        {
            value.round() as u8
        }
    };
    Color(mix(full.0), mix(full.1), mix(full.2))
}

/// White for 0, to dark blue at -1 and to dark vermilion at 1.
pub(super) fn diverging(strength: f64) -> Color {
    let full = if strength < 0.0 { BLUE } else { VERMILION };
    blend(full, strength.abs())
}

/// Colour of level `at` out of `count` ordered levels, light to dark blue; distinguishable in grey
/// too.
pub(super) fn level(at: usize, count: usize) -> Color {
    let share = (at + 1) as f64 / count.max(1) as f64;
    shade(0.25 + 0.75 * share)
}
