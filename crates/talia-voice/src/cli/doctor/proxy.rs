//! What answers at the public URL: our server, sockets through the proxy, and signatures that hold through it.

use super::address::unseen;
use super::finding::{Finding, SERVER, SIGNATURE, SOCKET, text};
use super::{PATIENCE, Patient, tls};
use crate::http::health;
use crate::line::paths;
use futures::{SinkExt, StreamExt};
use reqwest::StatusCode;
use secrecy::ExposeSecret;
use std::net::SocketAddr;
use talia_twilio::signature::{Algorithm, SIGNATURE_HEADER, sign};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};

/// A target that a proxy which decodes, merges slashes or sorts would change.
const ODD: &str = "/a%2Fb/%C3%B1?z=1%202&a=+";

pub(super) async fn look(patient: &Patient, address: SocketAddr) -> Vec<Finding> {
    let server = server(patient).await;
    if server.state == super::State::Failure {
        return vec![server, SOCKET.skipped(unseen()), SIGNATURE.skipped(unseen())];
    }
    let (socket, signature) = tokio::join!(socket(patient, address), signature(patient));
    vec![server, socket, signature]
}

/// Whoever knows our secrets answers the challenge as we would.
async fn server(patient: &Patient) -> Finding {
    let challenge = uuid::Uuid::now_v7().to_string();
    let url = patient.config.server.public_url.http("/healthz");
    let asked = patient
        .client
        .get(url)
        .header(health::CHALLENGE_HEADER, &challenge)
        .send()
        .await;
    let start = || {
        text(
            "arranque talia-voice serve y revise a dónde lleva el proxy",
            "start talia-voice serve and check where the proxy leads",
        )
    };
    let answer = match asked {
        Ok(answer) => answer,
        Err(error) => {
            let why = error.without_url();
            return SERVER.failure(
                text(format!("no contesta: {why}"), format!("no answer: {why}")),
                start(),
            );
        }
    };
    let status = answer.status();
    let proof = answer
        .headers()
        .get(health::PROOF_HEADER)
        .and_then(|proof| proof.to_str().ok());
    let ours = health::proof(patient.config.twilio.auth_token.expose_secret(), &challenge);
    match proof {
        Some(proof) if proof == ours => SERVER.ok(text("contesta y es este", "it answers and is this one")),
        Some(_) => SERVER.failure(
            text(
                "contesta un TalIA Voz con otra configuración",
                "a TalIA Voz of another configuration answers",
            ),
            text(
                "arránquelo con el mismo TALIA_TWILIO_AUTH_TOKEN, o corrija TALIA_PUBLIC_URL",
                "start it with the same TALIA_TWILIO_AUTH_TOKEN, or correct TALIA_PUBLIC_URL",
            ),
        ),
        None if status == StatusCode::BAD_GATEWAY || status == StatusCode::GATEWAY_TIMEOUT => SERVER.failure(
            text(
                format!("el proxy no llega al servidor ({status})"),
                format!("the proxy gets no answer ({status})"),
            ),
            start(),
        ),
        None => SERVER.failure(
            text(
                format!("contesta otro servidor ({status})"),
                format!("another server answers ({status})"),
            ),
            start(),
        ),
    }
}

async fn socket(patient: &Patient, address: SocketAddr) -> Finding {
    let opened = async {
        if patient.config.server.public_url.is_secure() {
            let stream = tls::greet(patient, address).await.map_err(Error::Io)?;
            echo(patient, stream).await
        } else {
            echo(patient, TcpStream::connect(address).await.map_err(Error::Io)?).await
        }
    };
    let upgrade = || {
        text(
            "el proxy debe pasar Upgrade y Connection y hablar HTTP/1.1 con el servidor (vea deploy/nginx.conf)",
            "the proxy must pass Upgrade and Connection and speak HTTP/1.1 to the server (see deploy/nginx.conf)",
        )
    };
    match timeout(PATIENCE, opened).await {
        Ok(Ok(true)) => SOCKET.ok(text("llega hasta el servidor y vuelve", "gets through and back")),
        Ok(Ok(false)) => SOCKET.failure(
            text("se abre, pero no devuelve lo mismo", "opens, but echoes wrongly"),
            upgrade(),
        ),
        Ok(Err(Error::Http(answer))) if answer.status() == StatusCode::FORBIDDEN => SOCKET.failure(
            text(
                "el servidor rechaza la firma de la conexión",
                "the server refuses the handshake's signature",
            ),
            keep_target(),
        ),
        Ok(Err(Error::Http(answer))) => {
            let status = answer.status();
            SOCKET.failure(
                text(
                    format!("no pasa por el proxy ({status})"),
                    format!("doesn't pass the proxy ({status})"),
                ),
                upgrade(),
            )
        }
        Ok(Err(error)) => SOCKET.failure(
            text(format!("no se abre: {error}"), format!("doesn't open: {error}")),
            upgrade(),
        ),
        Err(_) => SOCKET.failure(text("no contesta a tiempo", "no answer in time"), upgrade()),
    }
}

/// Opens the server's socket for this, signed as Twilio signs, and compares what comes back.
async fn echo<S: AsyncRead + AsyncWrite + Unpin>(patient: &Patient, stream: S) -> Result<bool, Error> {
    let url = patient.config.server.public_url.ws(paths::CHECK);
    let token = patient.config.twilio.auth_token.expose_secret();
    let signature = sign(token, Algorithm::HmacSha1, &url, &[]);
    let mut request = url.into_client_request()?;
    let value = signature.parse().map_err(|_| Error::AttackAttempt)?;
    request.headers_mut().insert("x-twilio-signature", value);
    let (mut socket, _) = tokio_tungstenite::client_async(request, stream).await?;
    let said = uuid::Uuid::now_v7().to_string();
    socket.send(Message::text(&said)).await?;
    while let Some(message) = socket.next().await {
        if let Message::Text(heard) = message? {
            return Ok(heard.as_str() == said);
        }
    }
    Ok(false)
}

async fn signature(patient: &Patient) -> Finding {
    let plain = signed_post(patient, paths::CHECK).await;
    match plain {
        Ok(StatusCode::NO_CONTENT) => {}
        Ok(StatusCode::FORBIDDEN) => {
            return SIGNATURE.failure(
                text(
                    "el servidor rechaza lo que Twilio firmaría",
                    "the server refuses what Twilio would sign",
                ),
                keep_target(),
            );
        }
        Ok(status) => {
            return SIGNATURE.failure(
                text(
                    format!("el proxy no deja pasar el POST ({status})"),
                    format!("the POST doesn't pass ({status})"),
                ),
                keep_target(),
            );
        }
        Err(why) => return SIGNATURE.failure(text(why.clone(), why), keep_target()),
    }
    match signed_post(patient, &format!("{}{ODD}", paths::CHECK)).await {
        Ok(StatusCode::NO_CONTENT) => SIGNATURE.ok(text("vale a través del proxy", "holds through the proxy")),
        _ => SIGNATURE.warning(
            text(
                "vale, pero el proxy cambia las rutas con signos raros",
                "holds, but the proxy rewrites odd paths",
            ),
            keep_target(),
        ),
    }
}

/// A webhook that changes nothing, signed as Twilio signs it.
async fn signed_post(patient: &Patient, target: &str) -> Result<StatusCode, String> {
    let url = patient.config.server.public_url.http(target);
    let fields = [
        ("Check".to_owned(), uuid::Uuid::now_v7().to_string()),
        ("Nombre".to_owned(), "ñandú +1".to_owned()),
    ];
    let token = patient.config.twilio.auth_token.expose_secret();
    let signature = sign(token, Algorithm::HmacSha1, &url, &fields);
    let body = talia_twilio::form::Form::from_iter(fields).encode();
    let asked = patient
        .client
        .post(url)
        .header(SIGNATURE_HEADER, signature)
        .header(
            reqwest::header::CONTENT_TYPE,
            "application/x-www-form-urlencoded; charset=UTF-8",
        )
        .body(body)
        .send()
        .await;
    asked
        .map(|answer| answer.status())
        .map_err(|error| error.without_url().to_string())
}

fn keep_target() -> super::finding::Text {
    text(
        "el proxy debe dejar la ruta tal cual (nginx: proxy_pass sin ruta), y el servidor usar el mismo TALIA_PUBLIC_URL",
        "the proxy must keep the path as it is (nginx: proxy_pass without a path), and the server use the same TALIA_PUBLIC_URL",
    )
}
