/* One viewer's track, as the fan-out needs it. Numbers are in host order. */
typedef struct {
    int64_t sequence_offset;   /* outgoing index = index on the line + this */
    uint64_t packets;          /* sent so far */
    uint64_t octets;           /* payload bytes in them (RFC 3550 section 6.4.1) */
    void *cipher;              /* keyed once, see cipher_new */
    uint32_t timestamp_offset;
    uint32_t ssrc;
    uint8_t salt[12];
    uint8_t address[28];       /* a sockaddr_in or sockaddr_in6 */
    uint8_t address_size;      /* 0: nowhere to send to */
    uint8_t is_v6;
    uint8_t payload_type;
    uint8_t is_open;
    uint8_t extension;         /* which of the burst's header extensions it takes */
    uint8_t is_plain;          /* its path takes no UDP segments */
} lane_t;

/* One packet on the line; its payload is a part of the burst's bytes. */
typedef struct {
    int64_t index;
    uint32_t timestamp;
    uint32_t offset;
    uint16_t size;
    uint8_t flags;             /* MARKER, PADDING */
} packet_t;

/* Packets that leave together: all of one size but the last, which may be smaller. */
typedef struct {
    uint16_t first;
    uint16_t end;
} run_t;

/* A header extension as it goes behind the header; size 0: none. */
typedef struct {
    const uint8_t *bytes;
    uint16_t size;
} extension_t;

/* What all lanes get. extensions has 256 entries, by lane_t.extension; NULL: none at all. */
typedef struct {
    const packet_t *packets;
    const run_t *runs;
    const uint8_t *payload;
    const extension_t *extensions;
    uint16_t packet_count;
    uint16_t run_count;
} burst_t;

/* One run of one lane, encrypted and ready for one system call. */
typedef struct {
    lane_t *lane;
    uint32_t offset;
    uint32_t size;
    uint32_t octets;
    uint16_t segment;          /* bytes of each datagram but the last */
    uint16_t packets;
} piece_t;

/* Load libcrypto by this name; 0 when it can't be used. */
int crypto_open(const char *library);
void *cipher_new(const uint8_t *key, int size);
void cipher_free(void *cipher);
void lane_set_address(lane_t *lane, const uint8_t *host, int host_size, uint16_t port);

/* Encrypt the burst for lanes[(turn + done) % count] and those after it, as far as out has room.
   Gives the new done, or -1 when the crypto library fails; *made pieces are ready. */
int protect(lane_t **lanes, int count, int turn, int done, const burst_t *burst,
            uint8_t *out, uint32_t room, piece_t *pieces, int most, int *made);

/* Send pieces[first..count). Gives the number of the first one that was not sent; if that is not
   count, *error says why. *dropped counts single datagrams lost in the middle of a run. */
int send_pieces(int socket4, int socket6, const uint8_t *out, piece_t *pieces, int first,
                int count, int with_segments, int *error, uint64_t *dropped);
