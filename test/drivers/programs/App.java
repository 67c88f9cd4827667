import com.mongodb.ConnectionString;
import com.mongodb.client.MongoClient;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.file.Path;
import java.util.List;
import org.bson.Document;

/** Answers the commands of a test; see ../driver-program.ts. */
final class App {
    private static MongoClient client;

    public static void main(String[] args) throws Exception {
        // As slow as the first time is, it counts before the test begins.
        Class.forName("com.mongodb.client.internal.MongoClientImpl");
        System.out.println("ready");
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            System.out.println(answer(args[0], line));
        }
        System.exit(0);
    }

    private static String answer(String kind, String line) {
        try {
            return line.startsWith("parse ") ? parse(line.substring("parse ".length())) : ping(kind);
        } catch (Exception e) {
            return "failed: " + String.valueOf(e.getMessage()).replaceAll("\\s+", " ");
        }
    }

    private static String ping(String kind) throws Exception {
        if (client == null) client = connect(kind);
        client.getDatabase("admin").runCommand(new Document("ping", 1));
        return "pong";
    }

    private static MongoClient connect(String kind) throws Exception {
        String uri = System.getenv("MONGODB_URI");
        if (kind.equals("plain")) return Mongodb.connect(uri);
        return ReloadingMongodb.connect(
            uri, Path.of(System.getenv("MONGODB_KEYSTORE")), System.getenv("KEYSTORE_PASSWORD").toCharArray());
    }

    private static String parse(String uri) {
        ConnectionString parsed = new ConnectionString(uri);
        return new Document("hosts", List.copyOf(parsed.getHosts()))
            .append("database", parsed.getDatabase() == null ? "" : parsed.getDatabase())
            .append("mechanism", parsed.getCredential().getAuthenticationMechanism().getMechanismName())
            .append("source", parsed.getCredential().getSource())
            .append("tls", String.valueOf(parsed.getSslEnabled()))
            .append("appName", parsed.getApplicationName())
            .toJson();
    }
}
