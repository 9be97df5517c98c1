#include "common/json/schema_impl.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static int
cmp_int_real(int64_t i, double d)
{
    if (d >= 0x1p63)
        return -1;
    if (d < -0x1p63)
        return 1;
    if (i != (int64_t)d)
        return i < (int64_t)d ? -1 : 1;
    return (d < trunc(d)) - (d > trunc(d));
}

int
schema_num_cmp_mixed(struct schema_num a, struct schema_num b)
{
    return a.real ? -cmp_int_real(b.i, a.d) : cmp_int_real(a.i, b.d);
}

bool
schema_num_integral(double d)
{
    return d == trunc(d);
}

/* "d.ddde±xx" as digits and an exponent; whatever the locale's decimal point is, it is skipped. */
static struct schema_dec
read_digits(const char *z)
{
    struct schema_dec dec = {0};
    bool point = false;

    for (; *z && *z != 'e'; z++) {
        if (*z < '0' || *z > '9') {
            point = true;
            continue;
        }
        dec.mant = dec.mant * 10 + (uint64_t)(*z - '0');
        dec.exp -= point;
    }
    dec.exp += *z ? (int)strtol(z + 1, NULL, 10) : 0;
    return dec;
}

struct schema_dec
schema_num_dec(struct schema_num v)
{
    struct schema_dec dec;
    char z[64];
    double d = v.real ? fabs(v.d) : 0;

    if (!v.real)
        return (struct schema_dec){.mant = v.i < 0 ? 0 - (uint64_t)v.i : (uint64_t)v.i};
    if (d < 0x1p63 && schema_num_integral(d))
        return (struct schema_dec){.mant = (uint64_t)d};
    /* 15 digits tell all decimals of that size apart, but for denormal doubles, which hold fewer */
    for (int digits = d < DBL_MIN ? 0 : 14; digits <= 16; digits++) {
        snprintf(z, sizeof z, "%.*e", digits, d);
        if (digits == 16 || strtod(z, NULL) == d)
            break;
    }
    dec = read_digits(z);
    while (dec.mant && dec.mant % 10 == 0) {
        dec.mant /= 10;
        dec.exp++;
    }
    return dec;
}

static uint64_t
mul_mod(uint64_t a, uint64_t b, uint64_t m)
{
    return (uint64_t)((unsigned __int128)a * b % m);
}

/* mant(v) * 10^n is a multiple of m, by repeated squaring */
static bool
scaled_multiple(uint64_t v, int n, uint64_t m)
{
    uint64_t power = 10 % m;
    uint64_t r = v % m;

    for (; n > 0; n /= 2) {
        if (n % 2)
            r = mul_mod(r, power, m);
        power = mul_mod(power, power, m);
    }
    return r == 0;
}

bool
schema_num_multiple(struct schema_num v, struct schema_dec of)
{
    struct schema_dec dec = schema_num_dec(v);

    if (dec.mant == 0)
        return true;
    if (dec.exp >= of.exp)
        return scaled_multiple(dec.mant, dec.exp - of.exp, of.mant);
    /* v = mant * 10^exp has to be a multiple of of.mant * 10^k, in units of 10^exp */
    for (int k = of.exp - dec.exp; k > 0; k--) {
        if (dec.mant % 10 != 0)
            return false;
        dec.mant /= 10;
    }
    return dec.mant % of.mant == 0;
}
