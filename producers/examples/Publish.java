// Publishes form PA.20 through the gateway. Java 17 or later, no packages.
//   java Publish.java [FORM [KEY]]   KEY: the same again is the same request; a new one is made where it is left out
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.util.UUID;

public final class Publish {
    private static final int ATTEMPTS = 5;

    private static String env(String name) {
        String value = System.getenv(name);
        if (value == null) {
            System.err.println("source .run/env first: " + name + " is not set");
            System.exit(64);
        }
        return value;
    }

    public static void main(String[] args) throws IOException, InterruptedException {
        Path form = Path.of(args.length > 0 ? args[0] : "producers/examples/form.json");
        String key = args.length > 1 ? args[1] : UUID.randomUUID().toString();
        HttpClient client = HttpClient.newHttpClient();
        HttpRequest request = HttpRequest.newBuilder(URI.create(env("BEDELAU_GATEWAY_URL") + "/v1/requests"))
                .timeout(Duration.ofSeconds(30))
                .header("Authorization", "Bearer " + env("BEDELAU_TOKEN"))
                .header("Content-Type", "application/json")
                .header("Idempotency-Key", key)
                .POST(HttpRequest.BodyPublishers.ofFile(form))
                .build();

        for (int attempt = 1; attempt <= ATTEMPTS; attempt++) {
            try {
                HttpResponse<String> answer = client.send(request, HttpResponse.BodyHandlers.ofString());
                if (answer.statusCode() == 202) { // Kafka has it
                    System.out.print(answer.body());
                    return;
                }
                System.err.print(answer.statusCode() + " " + answer.body());
                if (answer.statusCode() != 503) {
                    break;
                }
            } catch (IOException e) { // no answer: it may have arrived, and the key makes the repeat harmless
                System.err.println(e);
            }
            Thread.sleep(1000L * attempt);
        }
        System.exit(1);
    }
}
