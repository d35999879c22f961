use super::*;

#[test]
fn smoke() {
    let key = iroh::SecretKey::from_bytes(&[7; 32]);
    let t = Ticket {
        addr: EndpointAddr::new(key.public()).with_ip_addr("10.0.0.1:99".parse().unwrap()),
        hash: Hash::new(b"x"),
        format: BlobFormat::HashSeq,
        expires: Some(99),
        others: vec![],
    };
    assert_eq!(Ticket::parse(&t.to_string()).unwrap(), t);
}
