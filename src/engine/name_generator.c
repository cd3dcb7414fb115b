/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/name_generator.h"

#include "base/cleanup.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

static const char *const adjectives[] = {
    "able", "agile", "airy", "alert", "amber", "ample", "apt", "ardent", "azure", "balmy", "bold", "boring",
    "brave", "breezy", "bright", "brisk", "calm", "candid", "careful", "charming", "cheerful", "civil", "clean",
    "clear", "clever", "cosmic", "cosy", "crisp", "curious", "dapper", "daring", "deft", "devoted", "direct",
    "dreamy", "eager", "earnest", "easy", "elated", "elegant", "fair", "faithful", "fearless", "festive", "fine",
    "fleet", "fluent", "fond", "frank", "fresh", "friendly", "frosty", "gallant", "genial", "gentle", "gifted",
    "glad", "gleaming", "golden", "graceful", "grand", "grateful", "handy", "happy", "hardy", "hearty", "helpful",
    "honest", "hopeful", "humble", "ideal", "jolly", "jovial", "joyful", "keen", "kind", "lively", "loyal", "lucid",
    "lucky", "mellow", "merry", "mighty", "modest", "neat", "nimble", "noble", "patient", "peaceful", "placid",
    "playful", "plucky", "polite", "proud", "prudent", "quick", "quiet", "radiant", "rapid", "ready", "regal",
    "robust", "rosy", "serene", "sharp", "shiny", "silent", "sincere", "sleek", "smart", "smooth", "snug", "solid",
    "spry", "stable", "steady", "stoic", "sturdy", "subtle", "sunny", "swift", "tender", "thorough", "tidy",
    "tranquil", "trusty", "upbeat", "valiant", "vivid", "warm", "wise", "witty", "zealous",
};

static const char *const surnames[] = {
    "abel", "agnesi", "alhazen", "archimedes", "aryabhata", "avicenna", "babbage", "banach", "banneker", "bardeen",
    "bell", "bernoulli", "bhabha", "blackwell", "bohr", "boole", "borg", "bose", "brahe", "brattain", "burnell",
    "cantor", "carson", "cauchy", "cerf", "chandrasekhar", "chatelet", "church", "clarke", "codd", "copernicus",
    "cori", "cray", "curie", "darwin", "dijkstra", "dirac", "easley", "edison", "einstein", "elion", "engelbart",
    "erdos", "euclid", "euler", "faraday", "fermat", "fermi", "feynman", "fibonacci", "floyd", "fourier",
    "franklin", "galileo", "galois", "gauss", "germain", "gibbs", "goedel", "goodall", "gould", "hamilton",
    "hamming", "heisenberg", "hermite", "hertz", "hilbert", "hodgkin", "hopper", "hubble", "huygens", "hypatia",
    "jackson", "jacobi", "jacquard", "johnson", "joliot", "joule", "kalman", "kepler", "khayyam", "khwarizmi",
    "kilby", "knuth", "kolmogorov", "kovalevskaya", "lagrange", "lamarr", "lamport", "laplace", "lavoisier",
    "leakey", "leavitt", "leibniz", "lemaitre", "linnaeus", "lorentz", "lovelace", "maxwell", "mayer", "mccarthy",
    "mcclintock", "mendel", "mendeleev", "minsky", "mirzakhani", "moivre", "napier", "nash", "neumann", "newton",
    "noether", "ohm", "oppenheimer", "pascal", "pasteur", "pauli", "payne", "perlman", "planck", "poincare",
    "poisson", "ptolemy", "pythagoras", "raman", "ramanujan", "ramsey", "rhodes", "riemann", "ritchie", "rubin",
    "rutherford", "sagan", "schroedinger", "shannon", "shockley", "sinoussi", "snyder", "stallman", "tarski",
    "tesla", "thompson", "torvalds", "turing", "vaughan", "villani", "volta", "wiles", "wilson", "wing", "wirth",
    "wozniak", "wright", "wu", "yalow", "yonath", "zhukovsky",
};

/* A number below `n`, every one as likely as the others to within one part in 2^24. */
static size_t draw(size_t n)
{
    uint32_t r;
    if (getrandom(&r, sizeof r, 0) != (ssize_t)sizeof r) /* up to 256 bytes are never short */
        abort();
    return (size_t)(((uint64_t)r * n) >> 32);
}

void name_generate(unsigned attempt, char *buf)
{
    const char *adjective, *surname;
    do {
        adjective = adjectives[draw(ARRAY_LEN(adjectives))];
        surname = surnames[draw(ARRAY_LEN(surnames))];
    } while (strcmp(adjective, "boring") == 0 && strcmp(surname, "wozniak") == 0); /* Steve Wozniak is not boring */
    if (attempt == 0)
        (void)snprintf(buf, NAME_GENERATED_MAX, "%s_%s", adjective, surname);
    else
        (void)snprintf(buf, NAME_GENERATED_MAX, "%s_%s%zu", adjective, surname, draw(10));
}
