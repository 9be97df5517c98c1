/* Publishes form PA.20 through the gateway with libcurl.
 *   cc -o publish publish.c -lcurl
 *   ./publish [FORM [KEY]]   KEY: the same again is the same request; one from the time is made where it is left out */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <curl/curl.h>

enum { FORM_MAX = 2 << 20, ATTEMPTS = 5 };

/* The file's bytes, to be freed; NULL and a sentence when it cannot be read. */
static char *
read_form(const char *path, size_t *n)
{
    char *form = malloc(FORM_MAX);
    FILE *f = form ? fopen(path, "rb") : NULL;

    if (!f) {
        perror(path);
        free(form);
        return NULL;
    }
    *n = fread(form, 1, FORM_MAX, f);
    fclose(f);
    return form;
}

static struct curl_slist *
make_headers(const char *token, const char *key)
{
    char line[1024];
    struct curl_slist *list = curl_slist_append(NULL, "Content-Type: application/json");

    snprintf(line, sizeof line, "Authorization: Bearer %s", token);
    list = curl_slist_append(list, line);
    snprintf(line, sizeof line, "Idempotency-Key: %s", key);
    return curl_slist_append(list, line);
}

/* Prints the answer; its status, or 0 when there was none. */
static long
publish(CURL *curl)
{
    long status = 0;
    CURLcode code = curl_easy_perform(curl);

    if (code != CURLE_OK)
        fprintf(stderr, "%s\n", curl_easy_strerror(code));
    else
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

static int
send_form(const char *form, size_t n, const char *key)
{
    const char *gateway = getenv("BEDELAU_GATEWAY_URL");
    const char *token = getenv("BEDELAU_TOKEN");
    struct curl_slist *headers = NULL;
    char url[1024];
    CURL *curl = curl_easy_init();
    long status = 0;

    if (!curl || !gateway || !token) {
        fprintf(stderr, "source .run/env first\n");
        curl_easy_cleanup(curl);
        return EXIT_FAILURE;
    }
    snprintf(url, sizeof url, "%s/v1/requests", gateway);
    headers = make_headers(token, key);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, form);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)n);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 30L);
    for (int i = 1; i <= ATTEMPTS; i++) {
        status = publish(curl); /* 202: Kafka has it */
        if ((status && status != 503) || i == ATTEMPTS)
            break;
        sleep((unsigned)i); /* away, or no answer: the key makes the repeat harmless */
    }
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    return status == 202 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int
main(int argc, char **argv)
{
    char made[64];
    size_t n = 0;
    char *form = read_form(argc > 1 ? argv[1] : "producers/examples/form.json", &n);
    int code;

    if (!form)
        return EXIT_FAILURE;
    snprintf(made, sizeof made, "c-%lld-%d", (long long)time(NULL), (int)getpid());
    code = send_form(form, n, argc > 2 ? argv[2] : made);
    free(form);
    return code;
}
