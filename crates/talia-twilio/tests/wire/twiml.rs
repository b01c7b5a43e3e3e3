//! TwiML: the documents as they are sent, and what is never sent.

use std::num::NonZeroU32;

use proptest::prelude::*;
use talia_twilio::twiml::{
    Connect, Dial, Method, Number, PARAMETER_LIMIT, RejectReason, Response, Say, Stream, TwimlError,
};

fn seconds(count: u32) -> NonZeroU32 {
    NonZeroU32::new(count).unwrap()
}

fn stream(parameters: Vec<(String, String)>) -> Response {
    Response::new().connect(Connect {
        action: Some(("/api/voice/after?a=1&b=2".to_owned(), Method::Post)),
        stream: Stream {
            url: "wss://voice.example.com/api/voice/stream/0123".to_owned(),
            name: Some("talia".to_owned()),
            status_callback: Some("https://voice.example.com/api/voice/stream-status".to_owned()),
            parameters,
        },
    })
}

#[test]
fn the_answer_to_a_call() {
    let parameters = vec![("lengua".to_owned(), "español \"<&>\"".to_owned())];
    let document = stream(parameters)
        .redirect("/api/voice/resume?x=1&y=2", Method::Post)
        .to_xml()
        .unwrap();
    insta::assert_snapshot!(document, @r#"<?xml version="1.0" encoding="UTF-8"?><Response><Connect action="/api/voice/after?a=1&amp;b=2" method="POST"><Stream url="wss://voice.example.com/api/voice/stream/0123" name="talia" statusCallback="https://voice.example.com/api/voice/stream-status" statusCallbackMethod="POST"><Parameter name="lengua" value="español &quot;&lt;&amp;&gt;&quot;"/></Stream></Connect><Redirect method="POST">/api/voice/resume?x=1&amp;y=2</Redirect></Response>"#);
}

#[test]
fn the_smallest_stream() {
    let stream = Stream {
        url: "wss://h/s".to_owned(),
        ..Stream::default()
    };
    let document = Response::new()
        .connect(Connect { action: None, stream })
        .to_xml()
        .unwrap();
    insta::assert_snapshot!(document, @r#"<?xml version="1.0" encoding="UTF-8"?><Response><Connect><Stream url="wss://h/s"></Stream></Connect></Response>"#);
}

#[test]
fn an_apology_and_a_transfer() {
    let document = Response::new()
        .say(Say {
            voice: Some("Polly.Mía-Generative".to_owned()),
            language: Some("es-MX".to_owned()),
            text: "Perdón <3 & \"adiós\"".to_owned(),
        })
        .pause(seconds(2))
        .dial(Dial {
            action: Some("/after".to_owned()),
            caller_id: Some("+525587654321".to_owned()),
            timeout_s: Some(seconds(20)),
            time_limit_s: Some(seconds(3600)),
            answer_on_bridge: true,
            numbers: vec![
                Number {
                    number: "+525512345678".to_owned(),
                    url: Some("/whisper".to_owned()),
                    status_callback: Some("https://h/leg".to_owned()),
                },
                Number {
                    number: "+525500000000".to_owned(),
                    ..Number::default()
                },
            ],
        })
        .hangup()
        .to_xml()
        .unwrap();
    insta::assert_snapshot!(document, @r#"<?xml version="1.0" encoding="UTF-8"?><Response><Say voice="Polly.Mía-Generative" language="es-MX">Perdón &lt;3 &amp; &quot;adiós&quot;</Say><Pause length="2"/><Dial action="/after" callerId="+525587654321" timeout="20" timeLimit="3600" answerOnBridge="true"><Number url="/whisper" statusCallback="https://h/leg" statusCallbackEvent="initiated ringing answered completed">+525512345678</Number><Number>+525500000000</Number></Dial><Hangup/></Response>"#);
}

#[test]
fn rejections() {
    let document = Response::new().reject(RejectReason::Busy).to_xml().unwrap();
    insta::assert_snapshot!(document, @r#"<?xml version="1.0" encoding="UTF-8"?><Response><Reject reason="busy"/></Response>"#);
    let late = Response::new().hangup().reject(RejectReason::Rejected).to_xml();
    assert_eq!(late, Err(TwimlError::RejectNotFirst));
    insta::assert_snapshot!(Response::new().to_xml().unwrap(), @r#"<?xml version="1.0" encoding="UTF-8"?><Response></Response>"#);
}

#[test]
fn parameters_are_limited() {
    let with = |length: usize| stream(vec![("é".repeat(10), "ñ".repeat(length - 10))]).to_xml();
    assert!(with(PARAMETER_LIMIT - 1).is_ok());
    assert_eq!(
        with(PARAMETER_LIMIT),
        Err(TwimlError::ParameterTooLong(PARAMETER_LIMIT))
    );
    let named = |names: &[&str]| {
        let parameters = names.iter().map(|name| ((*name).to_owned(), String::new())).collect();
        stream(parameters).to_xml()
    };
    assert!(named(&["a", "b"]).is_ok());
    assert_eq!(named(&[""]), Err(TwimlError::ParameterName));
    assert_eq!(named(&["a", "a"]), Err(TwimlError::ParameterName));
}

#[test]
fn what_twilio_would_refuse_is_refused_here() {
    for url in ["", "wss://", "https://h/s", "ws://h/s", "/s", "wss://h/s?token=1"] {
        let stream = Stream {
            url: url.to_owned(),
            ..Stream::default()
        };
        let document = Response::new().connect(Connect { action: None, stream }).to_xml();
        assert_eq!(document, Err(TwimlError::StreamUrl), "{url}");
    }
    for count in [0, 11] {
        let numbers = vec![Number::default(); count];
        let document = Response::new().dial(Dial {
            numbers,
            ..Dial::default()
        });
        assert_eq!(document.to_xml(), Err(TwimlError::DialNumbers(count)));
    }
    let spoken = |text: &str| {
        let say = Say {
            text: text.to_owned(),
            ..Say::default()
        };
        Response::new().say(say).to_xml()
    };
    assert_eq!(spoken("a\u{0}b"), Err(TwimlError::ControlCharacter));
    assert!(spoken("a\nb").is_ok());
}

proptest! {
    #[test]
    fn texts_and_attributes_survive(text in "[^\\p{C}]{0,60}", name in "[^\\p{C}]{1,20}", value in "[^\\p{C}]{0,60}") {
        let document = stream(vec![(name.clone(), value.clone())])
            .say(Say { text: text.clone(), ..Say::default() })
            .to_xml()
            .unwrap();
        prop_assert!(document.starts_with("<?xml"));
        let read = roxmltree::Document::parse(&document).unwrap();
        let parameter = read.descendants().find(|node| node.has_tag_name("Parameter")).unwrap();
        prop_assert_eq!(parameter.attribute("name"), Some(name.as_str()));
        prop_assert_eq!(parameter.attribute("value"), Some(value.as_str()));
        let say = read.descendants().find(|node| node.has_tag_name("Say")).unwrap();
        prop_assert_eq!(say.text().unwrap_or_default(), text);
    }

    #[test]
    fn any_text_gives_a_document_or_an_error(text in any::<String>()) {
        let say = Say { text, ..Say::default() };
        if let Ok(document) = Response::new().say(say).to_xml() {
            prop_assert!(roxmltree::Document::parse(&document).is_ok());
        }
    }
}
