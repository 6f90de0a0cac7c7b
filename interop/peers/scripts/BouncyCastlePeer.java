import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.math.BigInteger;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.SecureRandom;
import java.security.cert.CertificateFactory;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Arrays;
import java.util.Base64;
import java.util.Vector;
import javax.crypto.interfaces.DHPrivateKey;
import javax.crypto.interfaces.DHPublicKey;
import javax.crypto.spec.DHParameterSpec;
import javax.crypto.spec.DHPublicKeySpec;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.tls.Certificate;
import org.bouncycastle.tls.CertificateRequest;
import org.bouncycastle.tls.DefaultTlsClient;
import org.bouncycastle.tls.DefaultTlsKeyExchangeFactory;
import org.bouncycastle.tls.DefaultTlsServer;
import org.bouncycastle.tls.KeyExchangeAlgorithm;
import org.bouncycastle.tls.ProtocolVersion;
import org.bouncycastle.tls.ServerName;
import org.bouncycastle.tls.TlsAuthentication;
import org.bouncycastle.tls.TlsClientProtocol;
import org.bouncycastle.tls.TlsCredentials;
import org.bouncycastle.tls.TlsDHKeyExchange;
import org.bouncycastle.tls.TlsKeyExchange;
import org.bouncycastle.tls.TlsKeyExchangeFactory;
import org.bouncycastle.tls.TlsProtocol;
import org.bouncycastle.tls.TlsServerCertificate;
import org.bouncycastle.tls.TlsServerProtocol;
import org.bouncycastle.tls.TlsUtils;
import org.bouncycastle.tls.crypto.TlsCertificate;
import org.bouncycastle.tls.crypto.TlsSecret;
import org.bouncycastle.tls.crypto.impl.jcajce.JcaTlsCrypto;
import org.bouncycastle.tls.crypto.impl.jcajce.JcaTlsCryptoProvider;
import org.bouncycastle.tls.crypto.impl.jcajce.JceDefaultTlsCredentialedAgreement;
import org.bouncycastle.tls.crypto.impl.jcajce.JceTlsDHDomain;

/**
 * Bouncy Castle as one end of a TLS 1.2 connection with static Diffie-Hellman, which nothing else speaks.
 *
 *     BouncyCastlePeer server SUITE CERTIFICATE KEY
 *     BouncyCastlePeer client SUITE PORT
 *
 * The suite is a code point in hexadecimal. The client sends a line, and the server sends it back reversed.
 */
public class BouncyCastlePeer {
    static final BouncyCastleProvider PROVIDER = new BouncyCastleProvider();
    static final JcaTlsCrypto CRYPTO = new JcaTlsCryptoProvider().setProvider(PROVIDER).create(new SecureRandom());

    static byte[] der(String file) throws Exception {
        String body = Files.readString(Path.of(file)).replaceAll("-----[^-]*-----", "").replaceAll("\\s", "");
        return Base64.getDecoder().decode(body);
    }

    static KeyFactory keys() throws Exception {
        return KeyFactory.getInstance("DH", PROVIDER);
    }

    /** Its own static Diffie-Hellman wants a static key of both sides; this one wants the server's alone. */
    static class StaticDh extends TlsDHKeyExchange {
        DHPrivateKey own;
        DHPublicKey peer;

        StaticDh(DHPrivateKey own) {
            super(KeyExchangeAlgorithm.DH_RSA);
            this.own = own;
        }

        @Override
        public void skipClientCredentials() {}

        @Override
        public boolean requiresCertificateVerify() {
            return true;
        }

        @Override
        public void processServerCertificate(Certificate certificate) throws IOException {
            try {
                byte[] der = certificate.getCertificateAt(0).getEncoded();
                CertificateFactory factory = CertificateFactory.getInstance("X.509", PROVIDER);
                peer = (DHPublicKey) factory.generateCertificate(new ByteArrayInputStream(der)).getPublicKey();
            } catch (Exception error) {
                throw new IOException(error);
            }
        }

        @Override
        public void generateClientKeyExchange(OutputStream output) throws IOException {
            try {
                KeyPairGenerator generator = KeyPairGenerator.getInstance("DH", PROVIDER);
                generator.initialize(peer.getParams());
                KeyPair pair = generator.generateKeyPair();
                own = (DHPrivateKey) pair.getPrivate();
                TlsUtils.writeOpaque16(unsigned(((DHPublicKey) pair.getPublic()).getY()), output);
            } catch (Exception error) {
                throw new IOException(error);
            }
        }

        @Override
        public void processClientKeyExchange(InputStream input) throws IOException {
            try {
                BigInteger y = new BigInteger(1, TlsUtils.readOpaque16(input, 1));
                DHParameterSpec group = own.getParams();
                peer = (DHPublicKey) keys().generatePublic(new DHPublicKeySpec(y, group.getP(), group.getG()));
            } catch (Exception error) {
                throw new IOException(error);
            }
        }

        @Override
        public TlsSecret generatePreMasterSecret() throws IOException {
            return JceTlsDHDomain.calculateDHAgreement(CRYPTO, own, peer, false);
        }

        static byte[] unsigned(BigInteger number) {
            byte[] bytes = number.toByteArray();
            return bytes[0] == 0 ? Arrays.copyOfRange(bytes, 1, bytes.length) : bytes;
        }

        static class Factory extends DefaultTlsKeyExchangeFactory {
            final DHPrivateKey own;

            Factory(DHPrivateKey own) {
                this.own = own;
            }

            @Override
            public TlsKeyExchange createDHKeyExchange(int algorithm) {
                return new StaticDh(own);
            }
        }
    }

    static class Client extends DefaultTlsClient {
        final int suite;

        Client(int suite) {
            super(CRYPTO);
            this.suite = suite;
        }

        @Override
        protected int[] getSupportedCipherSuites() {
            return new int[] {suite};
        }

        @Override
        protected ProtocolVersion[] getSupportedVersions() {
            return ProtocolVersion.TLSv12.only();
        }

        @Override
        protected Vector<ServerName> getSNIServerNames() {
            Vector<ServerName> names = new Vector<>();
            names.add(new ServerName((short) 0, "localhost".getBytes(StandardCharsets.US_ASCII)));
            return names;
        }

        @Override
        public TlsKeyExchangeFactory getKeyExchangeFactory() {
            return new StaticDh.Factory(null);
        }

        @Override
        public TlsAuthentication getAuthentication() {
            return new TlsAuthentication() {
                // Whether to believe the certificate is not what this peer is for.
                @Override
                public void notifyServerCertificate(TlsServerCertificate certificate) {}

                @Override
                public TlsCredentials getClientCredentials(CertificateRequest request) {
                    return null;
                }
            };
        }
    }

    static class Server extends DefaultTlsServer {
        final int suite;
        final DHPrivateKey key;
        final TlsCredentials credentials;

        Server(int suite, String certificate, String key) throws Exception {
            super(CRYPTO);
            this.suite = suite;
            TlsCertificate[] chain = {CRYPTO.createCertificate(der(certificate))};
            this.key = (DHPrivateKey) keys().generatePrivate(new PKCS8EncodedKeySpec(der(key)));
            credentials = new JceDefaultTlsCredentialedAgreement(CRYPTO, new Certificate(chain), this.key);
        }

        @Override
        protected int[] getSupportedCipherSuites() {
            return new int[] {suite};
        }

        @Override
        protected ProtocolVersion[] getSupportedVersions() {
            return ProtocolVersion.TLSv12.only();
        }

        @Override
        public TlsCredentials getCredentials() {
            return credentials;
        }

        @Override
        public TlsKeyExchangeFactory getKeyExchangeFactory() {
            return new StaticDh.Factory(key);
        }
    }

    static String line(TlsProtocol protocol) throws Exception {
        return new BufferedReader(new InputStreamReader(protocol.getInputStream(), StandardCharsets.US_ASCII)).readLine();
    }

    static void say(TlsProtocol protocol, String line) throws Exception {
        protocol.getOutputStream().write((line + "\n").getBytes(StandardCharsets.US_ASCII));
    }

    public static void main(String[] args) throws Exception {
        int suite = Integer.parseInt(args[1], 16);
        if (args[0].equals("server")) {
            ServerSocket listener = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
            System.out.println("ACCEPT " + listener.getLocalPort());
            Socket socket = listener.accept();
            TlsServerProtocol protocol = new TlsServerProtocol(socket.getInputStream(), socket.getOutputStream());
            protocol.accept(new Server(suite, args[2], args[3]));
            System.out.println("ESTABLISHED");
            say(protocol, new StringBuilder(line(protocol)).reverse().toString());
            protocol.close();
        } else {
            Socket socket = new Socket(InetAddress.getLoopbackAddress(), Integer.parseInt(args[2]));
            TlsClientProtocol protocol = new TlsClientProtocol(socket.getInputStream(), socket.getOutputStream());
            protocol.connect(new Client(suite));
            System.out.println("ESTABLISHED");
            say(protocol, "from Bouncy Castle");
            System.out.println("RECEIVED " + line(protocol));
            protocol.close();
        }
    }
}
