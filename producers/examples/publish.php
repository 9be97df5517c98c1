<?php
// Publishes form PA.20 through the gateway. No extension needed.
//   php publish.php [FORM [KEY]]   KEY: the same again is the same request; a new one is made where it is left out
declare(strict_types=1);

function publish(string $form, string $key): array
{
    $context = stream_context_create(['http' => [
        'method' => 'POST',
        'header' => [
            'Authorization: Bearer ' . getenv('BEDELAU_TOKEN'),
            'Content-Type: application/json',
            'Idempotency-Key: ' . $key,
        ],
        'content' => $form,
        'ignore_errors' => true,
        'timeout' => 30,
    ]]);
    $body = @file_get_contents(getenv('BEDELAU_GATEWAY_URL') . '/v1/requests', false, $context);
    if ($body === false) {
        return [0, "no answer\n"];
    }
    return [(int) explode(' ', $http_response_header[0])[1], $body];
}

if (getenv('BEDELAU_GATEWAY_URL') === false || getenv('BEDELAU_TOKEN') === false) {
    fwrite(STDERR, "source .run/env first\n");
    exit(64);
}
$form = file_get_contents($argv[1] ?? __DIR__ . '/form.json');
if ($form === false) {
    exit(66);
}
$key = $argv[2] ?? bin2hex(random_bytes(16));
for ($attempt = 1; $attempt <= 5; $attempt++) {
    [$status, $body] = publish($form, $key);
    if ($status === 202) { // Kafka has it
        echo $body;
        exit(0);
    }
    fwrite(STDERR, "$status $body");
    if ($status !== 0 && $status !== 503) {
        exit(1);
    }
    sleep($attempt); // away, or no answer: the key makes the repeat harmless
}
exit(1);
