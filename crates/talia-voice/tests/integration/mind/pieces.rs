//! Bytes to events, and tokens to what is said: whatever way they are cut.

use proptest::prelude::*;
use talia_spanish::Language;
use talia_voice::brain::llm::{Piece, Speech, SseEvent, SseParser};

const STREAM: &str = "\u{feff}: hola\r\nevent: uno\rdata: {\"a\":\"niño\"}\r\n\r\n\ndata:sin blanco\ndata: dos\n\nid: 7\nretry: 9\nnada\ndata\n\n\
    data: [DONE]\n\ndata: nunca";

fn events(cuts: &[usize], bytes: &[u8]) -> Vec<SseEvent> {
    let mut parser = SseParser::default();
    let mut events = Vec::new();
    let mut at = 0;
    for cut in cuts.iter().copied().chain([bytes.len()]) {
        let end = cut.clamp(at, bytes.len());
        parser.push(&bytes[at..end], &mut events).expect("short lines");
        at = end;
    }
    events
}

#[test]
fn a_stream_is_its_events() {
    let event = |name: &str, data: &str| SseEvent {
        name: name.into(),
        data: data.into(),
    };
    let expected = [
        event("uno", "{\"a\":\"niño\"}"),
        event("", "sin blanco\ndos"),
        event("", ""),
        event("", "[DONE]"),
    ];
    assert_eq!(events(&[], STREAM.as_bytes()), expected);
    // Cut at every byte, each alone.
    let all: Vec<usize> = (0..STREAM.len()).collect();
    assert_eq!(events(&all, STREAM.as_bytes()), expected);
}

#[test]
fn a_line_or_an_event_without_end_is_refused() {
    let mut events = Vec::new();
    let mut parser = SseParser::default();
    let piece = vec![b'x'; 64 * 1024];
    assert!((0..64).any(|_| parser.push(&piece, &mut events).is_err()));
    let mut parser = SseParser::default();
    let line = format!("data: {}\n", "x".repeat(64 * 1024));
    assert!((0..64).any(|_| parser.push(line.as_bytes(), &mut events).is_err()));
    assert!(events.is_empty());
}

fn said(pieces: &[&str]) -> Vec<Piece> {
    let mut speech = Speech::new(Language::Spanish);
    let mut out: Vec<Piece> = pieces.iter().flat_map(|piece| speech.push(piece)).collect();
    out.extend(speech.finish());
    out
}

fn text(pieces: &[Piece]) -> String {
    let texts: Vec<&str> = pieces
        .iter()
        .map(|piece| match piece {
            Piece::Say(text) => text.as_str(),
            Piece::NotYet { .. } | Piece::Enough => "",
        })
        .collect();
    texts.join(" ")
}

#[test]
fn what_is_only_written_is_not_said() {
    let cases = [
        ("✓ **Claro**, te ayudo.", "Claro, te ayudo."),
        ("*sonríe* Con gusto.", "Con gusto."),
        ("(sonríe) Con gusto. (pausa)", "Con gusto."),
        ("[pausa breve] Con gusto.", "Con gusto."),
        ("Es *muy* bueno.", "Es muy bueno."),
        ("Mira [la página](https://ejemplo.com/a).", "Mira la página."),
        ("## Opciones\n- Uno.\n- Dos.\n", "Opciones Uno. Dos."),
        ("1. Uno.\n2. Dos.\n", "Uno. Dos."),
        ("Son 25.", "Son 25."),
        ("Listo 😀 👍.", "Listo ."),
        (
            "Tu correo es ana_lopez@ejemplo.com, ¿verdad?",
            "Tu correo es ana_lopez@ejemplo.com, ¿verdad?",
        ),
        ("Marca al (55) 1234 5678.", "Marca al (55) 1234 5678."),
        ("Mira:\n```rust\nlet a = 1;\n```\nEso es todo.", "Mira: Eso es todo."),
        ("***", ""),
    ];
    for (written, spoken) in cases {
        assert_eq!(text(&said(&[written])), spoken, "{written}");
    }
    assert_eq!(said(&["○ y más"]), [Piece::NotYet { thinking: false }]);
    assert_eq!(said(&["  ", "◐"]), [Piece::NotYet { thinking: true }]);
}

proptest! {
    #[test]
    fn any_split_of_the_bytes_gives_the_same_events(
        cuts in prop::collection::vec(0usize..200, 0..12),
        lines in prop::collection::vec("(data|event|id|:)?:? ?[a-zñ€😀{}\\r]{0,8}", 0..12),
    ) {
        let mut cuts = cuts;
        cuts.sort_unstable();
        let stream = lines.join("\n") + "\n\n";
        prop_assert_eq!(events(&cuts, stream.as_bytes()), events(&[], stream.as_bytes()));
    }

    #[test]
    fn any_bytes_at_all_are_read_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..400), cut in 0usize..400) {
        prop_assert_eq!(events(&[cut], &bytes), events(&[], &bytes));
    }

    #[test]
    fn no_word_is_lost_or_doubled_whatever_the_tokens(
        sentences in prop::collection::vec("[A-ZÁ][a-zñé]{1,8}(,? [a-zñ0-9]{1,8}){0,12}[.?!]", 1..6),
        cuts in prop::collection::vec(0usize..300, 0..40),
    ) {
        let answer = sentences.join(" ");
        let mut cuts: Vec<usize> = cuts.into_iter().filter(|cut| answer.is_char_boundary(*cut)).collect();
        cuts.sort_unstable();
        let mut pieces = Vec::new();
        let mut at = 0;
        for cut in cuts.into_iter().chain([answer.len()]) {
            pieces.push(&answer[at..cut.max(at)]);
            at = cut.max(at);
        }
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        prop_assert_eq!(words(&text(&said(&pieces))), words(&answer));
    }
}
