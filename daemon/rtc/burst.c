/* The bytes of a burst: SRTP under AES-GCM (RFC 3711, RFC 7714) for many viewers, and their sends.

   What goes to whom is decided in Python; here is only the loop over packets and viewers, whose
   Python twins are lane.PlainLane and mux.Mux. The cipher is OpenSSL's, found at run time, so that
   nothing has to be linked: without it, or without a compiler, the twins do the same work. */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "burst.h"

enum { MARKER = 0x80, PADDING = 0x20, HEADER = 12, TAG = 16, NONCE = 12, GET_TAG = 0x10, AT_ONCE = 32, SEGMENT = 103 };

static void *(*ctx_new)(void);
static void (*ctx_free)(void *);
static const void *(*aes_128_gcm)(void), *(*aes_256_gcm)(void);
static int (*init)(void *, const void *, void *, const uint8_t *, const uint8_t *);
static int (*update)(void *, uint8_t *, int *, const uint8_t *, int);
static int (*final)(void *, uint8_t *, int *);
static int (*control)(void *, int, int, void *);

static int find(void *library, const char *name, void *place)
{
    void *found = dlsym(library, name);
    memcpy(place, &found, sizeof found);
    return found != NULL;
}

int crypto_open(const char *name)
{
    void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    return library && find(library, "EVP_CIPHER_CTX_new", &ctx_new)
        && find(library, "EVP_CIPHER_CTX_free", &ctx_free)
        && find(library, "EVP_aes_128_gcm", &aes_128_gcm)
        && find(library, "EVP_aes_256_gcm", &aes_256_gcm)
        && find(library, "EVP_EncryptInit_ex", &init)
        && find(library, "EVP_EncryptUpdate", &update)
        && find(library, "EVP_EncryptFinal_ex", &final)
        && find(library, "EVP_CIPHER_CTX_ctrl", &control);
}

void *cipher_new(const uint8_t *key, int size)
{
    void *cipher = ctx_new();
    if (cipher && !init(cipher, size == 32 ? aes_256_gcm() : aes_128_gcm(), NULL, key, NULL)) {
        ctx_free(cipher);
        cipher = NULL;
    }
    return cipher;
}

void cipher_free(void *cipher)
{
    ctx_free(cipher);
}

void lane_set_address(lane_t *lane, const uint8_t *host, int host_size, uint16_t port)
{
    lane->is_v6 = host_size == 16;
    if (host_size == 4) {
        struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
        memcpy(&to.sin_addr, host, 4);
        memcpy(lane->address, &to, sizeof to);
        lane->address_size = sizeof to;
    } else if (host_size == 16) {
        struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
        memcpy(&to.sin6_addr, host, 16);
        memcpy(lane->address, &to, sizeof to);
        lane->address_size = sizeof to;
    } else {
        lane->address_size = 0;
    }
}

static void put16(uint8_t *to, uint16_t value)
{
    to[0] = value >> 8;
    to[1] = value & 0xff;
}

static void put32(uint8_t *to, uint32_t value)
{
    put16(to, value >> 16);
    put16(to + 2, value & 0xffff);
}

/* One packet; gives its end, or NULL when the library fails. */
static uint8_t *protect_one(const lane_t *lane, const packet_t *packet, const uint8_t *payload,
                            const extension_t *extension, uint8_t *out)
{
    int size, header = HEADER + (extension ? extension->size : 0);
    uint64_t index = (uint64_t)(packet->index + lane->sequence_offset);
    uint8_t nonce[NONCE];

    out[0] = (header > HEADER ? 0x90 : 0x80) | (packet->flags & PADDING);
    out[1] = lane->payload_type | (packet->flags & MARKER);
    put16(out + 2, index & 0xffff);
    put32(out + 4, packet->timestamp + lane->timestamp_offset);
    put32(out + 8, lane->ssrc);
    if (header > HEADER)
        memcpy(out + HEADER, extension->bytes, extension->size);

    /* RFC 7714 section 8.1: 00 00, SSRC, then the 48-bit index, all under the salt */
    memcpy(nonce, lane->salt, NONCE);
    for (int i = 0; i < 4; i++)
        nonce[2 + i] ^= out[8 + i];
    for (int i = 0; i < 6; i++)
        nonce[6 + i] ^= (uint8_t)(index >> (40 - 8 * i));

    if (!init(lane->cipher, NULL, NULL, NULL, nonce)
        || !update(lane->cipher, NULL, &size, out, header)
        || !update(lane->cipher, out + header, &size, payload + packet->offset, packet->size)
        || !final(lane->cipher, out + header + packet->size, &size)
        || !control(lane->cipher, GET_TAG, TAG, out + header + packet->size))
        return NULL;
    return out + header + packet->size + TAG;
}

static uint32_t burst_size(const burst_t *burst, const extension_t *extension)
{
    const packet_t *last = &burst->packets[burst->packet_count - 1];
    uint32_t overhead = HEADER + TAG + (extension ? extension->size : 0);
    return last->offset + last->size - burst->packets[0].offset
        + burst->packet_count * overhead;
}

/* Padding doesn't count (RFC 3550 section 6.4.1); its last byte tells how much there is. */
static uint32_t octets_of(const packet_t *packet, const uint8_t *payload)
{
    return packet->size
        - (packet->flags & PADDING ? payload[packet->offset + packet->size - 1] : 0);
}

static int protect_lane(lane_t *lane, const burst_t *burst, const extension_t *extension,
                        uint8_t *out, uint32_t start, piece_t *pieces)
{
    uint8_t *at = out + start;
    for (int r = 0; r < burst->run_count; r++) {
        const run_t *run = &burst->runs[r];
        piece_t piece = {.lane = lane, .offset = (uint32_t)(at - out),
                         .packets = run->end - run->first};
        for (int p = run->first; p < run->end; p++) {
            uint8_t *end = protect_one(lane, &burst->packets[p], burst->payload, extension, at);
            if (!end)
                return 0;
            if (p == run->first)
                piece.segment = (uint16_t)(end - at);
            piece.octets += octets_of(&burst->packets[p], burst->payload);
            at = end;
        }
        piece.size = (uint32_t)(at - out) - piece.offset;
        pieces[r] = piece;
    }
    return 1;
}

int protect(lane_t **lanes, int count, int turn, int done, const burst_t *burst,
            uint8_t *out, uint32_t room, piece_t *pieces, int most, int *made)
{
    uint32_t used = 0;
    *made = 0;
    for (; done < count; done++) {
        lane_t *lane = lanes[(turn + done) % count];
        const extension_t *extension = NULL;
        if (!lane->is_open || !lane->address_size)
            continue;
        if (burst->extensions && burst->extensions[lane->extension].size)
            extension = &burst->extensions[lane->extension];
        uint32_t size = burst_size(burst, extension);
        if (used + size > room || *made + burst->run_count > most)
            break;
        if (!protect_lane(lane, burst, extension, out, used, pieces + *made))
            return -1;
        used += size;
        *made += burst->run_count;
    }
    return done;
}

static void note_sent(piece_t *piece)
{
    piece->lane->packets += piece->packets;
    piece->lane->octets += piece->octets;
}

/* Without segments: each datagram by itself. -1: the socket is full, nothing went out. */
static int send_plain(int fd, const uint8_t *out, piece_t *piece, uint64_t *dropped)
{
    const lane_t *lane = piece->lane;
    for (uint32_t at = 0; at < piece->size; at += piece->segment) {
        uint32_t left = piece->size - at;
        uint32_t size = left < piece->segment ? left : piece->segment;
        if (sendto(fd, out + piece->offset + at, size, MSG_DONTWAIT,
                   (const struct sockaddr *)lane->address, lane->address_size) < 0) {
            if (at == 0)
                return -1;
            ++*dropped;
        }
    }
    return 0;
}

/* Up to AT_ONCE pieces of one address family in one system call; gives how many went out. */
static int send_together(int fd, const uint8_t *out, piece_t *pieces, int count)
{
    struct mmsghdr messages[AT_ONCE];
    struct iovec parts[AT_ONCE];
    union { struct cmsghdr header; uint8_t bytes[CMSG_SPACE(sizeof(uint16_t))]; } asks[AT_ONCE];

    memset(messages, 0, sizeof messages[0] * count);
    for (int i = 0; i < count; i++) {
        piece_t *piece = &pieces[i];
        struct msghdr *message = &messages[i].msg_hdr;
        parts[i].iov_base = (void *)(out + piece->offset);
        parts[i].iov_len = piece->size;
        message->msg_name = piece->lane->address;
        message->msg_namelen = piece->lane->address_size;
        message->msg_iov = &parts[i];
        message->msg_iovlen = 1;
        if (piece->packets > 1) {
            memset(&asks[i], 0, sizeof asks[i]);
            message->msg_control = &asks[i];
            message->msg_controllen = sizeof asks[i];
            asks[i].header.cmsg_level = IPPROTO_UDP;
            asks[i].header.cmsg_type = SEGMENT;
            asks[i].header.cmsg_len = CMSG_LEN(sizeof(uint16_t));
            memcpy(CMSG_DATA(&asks[i].header), &piece->segment, sizeof(uint16_t));
        }
    }
    return sendmmsg(fd, messages, count, MSG_DONTWAIT);
}

int send_pieces(int socket4, int socket6, const uint8_t *out, piece_t *pieces, int first,
                int count, int with_segments, int *error, uint64_t *dropped)
{
    *error = 0;
    while (first < count) {
        lane_t *lane = pieces[first].lane;
        int fd = lane->is_v6 ? socket6 : socket4, sent = 1;
        if (lane->is_plain || (!with_segments && pieces[first].packets > 1)) {
            if (send_plain(fd, out, &pieces[first], dropped) < 0)
                sent = -1;
        } else {
            int end = first + 1;
            while (end < count && end - first < AT_ONCE && pieces[end].lane->is_v6 == lane->is_v6
                   && !pieces[end].lane->is_plain && (with_segments || pieces[end].packets == 1))
                end++;
            sent = send_together(fd, out, &pieces[first], end - first);
        }
        if (sent < 0) {
            *error = errno;
            return first;
        }
        for (int i = 0; i < sent; i++)
            note_sent(&pieces[first + i]);
        first += sent;
    }
    return first;
}
