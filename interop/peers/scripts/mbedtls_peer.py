"""Mbed TLS as one end of a connection, for the suites with static ECDH that nothing newer speaks.

    mbedtls_peer.py server SUITE CA CERTIFICATE KEY
    mbedtls_peer.py client SUITE CA PORT

The client sends a line, and the server sends it back reversed.
"""
import socket
import sys

from mbedtls import pk, tls, x509


def patiently(act):
    """One step of the connection, again and again until it has what it waits for."""
    while True:
        try:
            return act()
        except (tls.WantReadError, tls.WantWriteError):
            continue


def main(role, suite, authority, *rest):
    trust = tls.TrustStore()
    trust.add(x509.CRT.from_file(authority))
    settings = dict(
        trust_store=trust,
        validate_certificates=role == "client",
        ciphers=(suite,),
        lowest_supported_version=tls.TLSVersion.TLSv1_2,
        highest_supported_version=tls.TLSVersion.TLSv1_2,
    )
    if role == "server":
        chain = (x509.CRT.from_file(rest[0]),)
        with open(rest[1]) as file:
            key = pk.ECC.from_PEM(file.read())
        listener = socket.create_server(("127.0.0.1", 0))
        print("ACCEPT", listener.getsockname()[1], flush=True)
        plain, _ = listener.accept()
        settings["certificate_chain"] = (chain, key)
        sock = tls.ServerContext(tls.TLSConfiguration(**settings)).wrap_socket(plain)
    else:
        plain = socket.create_connection(("127.0.0.1", int(rest[0])))
        sock = tls.ClientContext(tls.TLSConfiguration(**settings)).wrap_socket(plain, "localhost")
    plain.settimeout(30)
    patiently(sock.do_handshake)
    print("SUITE", sock.cipher(), flush=True)
    if role == "client":
        patiently(lambda: sock.send(b"from Mbed TLS\n"))
    received = patiently(lambda: sock.recv(4096))
    print("RECEIVED", received.decode().strip(), flush=True)
    if role == "server":
        patiently(lambda: sock.send(received.strip()[::-1] + b"\n"))
    sock.close()


main(*sys.argv[1:])
