-- sylion: tenants, their channels, assistants, conversations and knowledge. Times are µs UTC. Every
-- table of a tenant's has tenant_n, and every statement over one names it (src/products/sylion/scope.h).
-- What every table is for: src/products/sylion/README.md.
-- up

-- A tenant is an organisation; when nobody is left in that, the platform's admins still have the
-- tenant. webhook_sealed: what signs its webhooks (secret_seal). quota_…: null is what the plan gives, -1 without limit. deleted_at: gone
-- for everybody, kept for the ledger.
CREATE TABLE tenants (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    organisation_id INTEGER UNIQUE REFERENCES organisations (id) ON DELETE SET NULL,
    name TEXT NOT NULL,
    slug TEXT NOT NULL,
    plan TEXT NOT NULL CHECK (plan IN ('starter', 'pro', 'business', 'free', 'enterprise')),
    contact_email TEXT,
    contact_phone TEXT,
    billing_address TEXT,
    webhook_url TEXT,
    webhook_sealed TEXT,
    settings TEXT NOT NULL DEFAULT '{}',
    time_zone TEXT NOT NULL DEFAULT 'Europe/Paris',
    is_active INTEGER NOT NULL DEFAULT 1,
    quota_messages INTEGER,
    quota_ai_requests INTEGER,
    quota_tokens INTEGER,
    quota_storage_mb INTEGER,
    quota_channels INTEGER,
    quota_assistants INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER
) STRICT;
CREATE UNIQUE INDEX tenants_slug ON tenants (slug) WHERE deleted_at IS NULL;

-- phone_number_id: how the Cloud API names the number that a webhook is about. Keys, tokens and the app
-- secret are sealed (secret_seal); webhook_secret is the hex SHA-256 of what 360dialog's webhooks show.
CREATE TABLE channels (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    tenant_n INTEGER NOT NULL REFERENCES tenants (n),
    name TEXT NOT NULL,
    type TEXT NOT NULL CHECK (type IN ('whatsapp', 'web', 'voice')),
    provider TEXT CHECK (provider IN ('360dialog', 'cloud')),
    is_active INTEGER NOT NULL DEFAULT 1,
    config TEXT NOT NULL DEFAULT '{}',
    whatsapp_phone_number TEXT,
    phone_number_id TEXT,
    whatsapp_api_key TEXT,
    whatsapp_verify_token TEXT,
    app_secret TEXT,
    webhook_secret TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER
) STRICT;
CREATE INDEX channels_tenant ON channels (tenant_n, n);
CREATE UNIQUE INDEX channels_phone_id ON channels (phone_number_id)
    WHERE phone_number_id IS NOT NULL AND deleted_at IS NULL;
CREATE UNIQUE INDEX channels_phone ON channels (whatsapp_phone_number)
    WHERE whatsapp_phone_number IS NOT NULL AND deleted_at IS NULL;

CREATE TABLE assistants (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    tenant_n INTEGER NOT NULL REFERENCES tenants (n),
    name TEXT NOT NULL,
    description TEXT,
    is_default INTEGER NOT NULL DEFAULT 0,
    is_active INTEGER NOT NULL DEFAULT 1,
    provider TEXT,
    model TEXT,
    system_prompt TEXT,
    temperature REAL,
    max_tokens INTEGER NOT NULL DEFAULT 1024,
    enable_rag INTEGER NOT NULL DEFAULT 1,
    rag_threshold REAL NOT NULL DEFAULT 0.7,
    rag_max_results INTEGER NOT NULL DEFAULT 5,
    knowledge_base_ids TEXT NOT NULL DEFAULT '[]',
    handoff TEXT NOT NULL DEFAULT '{}',
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER
) STRICT;
CREATE INDEX assistants_tenant ON assistants (tenant_n, n);
CREATE UNIQUE INDEX assistants_default ON assistants (tenant_n) WHERE is_default AND deleted_at IS NULL;

-- Which assistant answers on which channel: of those whose languages and hours fit, the one with the
-- greatest priority.
CREATE TABLE channel_bindings (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    tenant_n INTEGER NOT NULL REFERENCES tenants (n),
    channel_n INTEGER NOT NULL REFERENCES channels (n),
    assistant_n INTEGER NOT NULL REFERENCES assistants (n),
    languages TEXT NOT NULL DEFAULT '[]',
    hours TEXT,
    priority INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    UNIQUE (channel_n, assistant_n)
) STRICT;
CREATE INDEX channel_bindings_tenant ON channel_bindings (tenant_n, channel_n);

-- Who writes. user_key: what WhatsApp knows the person by for good (a business-scoped user id), or the
-- widget's session; phone: E.164. One of them is there, and either finds the contact.
CREATE TABLE contacts (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    tenant_n INTEGER NOT NULL REFERENCES tenants (n),
    channel_n INTEGER NOT NULL REFERENCES channels (n),
    phone TEXT,
    user_key TEXT,
    name TEXT,
    language TEXT,
    metadata TEXT NOT NULL DEFAULT '{}',
    last_inbound_at INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    CHECK (phone IS NOT NULL OR user_key IS NOT NULL)
) STRICT;
CREATE UNIQUE INDEX contacts_phone ON contacts (channel_n, phone) WHERE phone IS NOT NULL;
CREATE UNIQUE INDEX contacts_user ON contacts (channel_n, user_key) WHERE user_key IS NOT NULL;

-- recency: last_message_at in whole minutes, by which lists are ordered before they are by that time itself:
-- an index of the time would change with every message.
-- One that has not ended for each contact and channel. Whoever writes a message into it changes this
-- row first, so that what is decided under its lock stays so.
CREATE TABLE conversations (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    tenant_n INTEGER NOT NULL REFERENCES tenants (n),
    channel_n INTEGER NOT NULL REFERENCES channels (n),
    contact_n INTEGER NOT NULL REFERENCES contacts (n),
    assistant_n INTEGER REFERENCES assistants (n),
    user_identifier TEXT NOT NULL,
    user_name TEXT,
    user_metadata TEXT NOT NULL DEFAULT '{}',
    status TEXT NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'paused', 'ended', 'handoff')),
    title TEXT,
    context TEXT NOT NULL DEFAULT '{}',
    language TEXT,
    handoff_reason TEXT,
    message_count INTEGER NOT NULL DEFAULT 0,
    unread_count INTEGER NOT NULL DEFAULT 0,
    last_message TEXT,
    last_message_at INTEGER,
    last_inbound_at INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    recency INTEGER NOT NULL DEFAULT 0,
    ended_at INTEGER
) STRICT;
CREATE UNIQUE INDEX conversations_open ON conversations (channel_n, contact_n) WHERE status <> 'ended';
CREATE INDEX conversations_tenant ON conversations (tenant_n, recency);
CREATE INDEX conversations_contact ON conversations (contact_n);

-- One answer of an assistant, from the messages that asked for it to the one that answers, and why it
-- says what it says. Rows are never deleted, as those of messages and usage_records. state: see turn.h. used: reservations and what they were settled with.
CREATE TABLE turns (
    n INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    tenant_n INTEGER NOT NULL REFERENCES tenants (n),
    conversation_n INTEGER NOT NULL REFERENCES conversations (n),
    assistant_n INTEGER REFERENCES assistants (n),
    state TEXT NOT NULL,
    step TEXT NOT NULL,
    reason TEXT,
    attempts INTEGER NOT NULL DEFAULT 0,
    question TEXT,
    sources TEXT NOT NULL DEFAULT '[]',
    used TEXT NOT NULL DEFAULT '{}',
    provider TEXT,
    model TEXT,
    tokens_in INTEGER,
    tokens_out INTEGER,
    cost_micros INTEGER,
    started_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    finished_at INTEGER
) STRICT;
CREATE INDEX turns_conversation ON turns (conversation_n, n);
CREATE INDEX turns_tenant ON turns (tenant_n, started_at);
CREATE UNIQUE INDEX turns_open ON turns (conversation_n) WHERE finished_at IS NULL;

-- author: contact, assistant, person, system. external_id: the channel's name for it (wamid), by which
-- any number of deliveries is one message. status, inbound: pending, processed, failed; outbound:
-- pending, sending, sent, delivered, read, failed, unknown (a crash while it was being sent). reason:
-- why, where it failed. raw: as the provider sent it. media: what was attached, and what became of it.
-- tenant_n and channel_n are the conversation's: its foreign key is enough, and each costs as much as an index. Rows
-- are never deleted, so that n needs no AUTOINCREMENT.
CREATE TABLE messages (
    n INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    tenant_n INTEGER NOT NULL,
    channel_n INTEGER NOT NULL,
    conversation_n INTEGER NOT NULL REFERENCES conversations (n),
    turn_n INTEGER REFERENCES turns (n),
    type TEXT NOT NULL,
    direction TEXT NOT NULL CHECK (direction IN ('inbound', 'outbound')),
    author TEXT NOT NULL CHECK (author IN ('contact', 'assistant', 'person', 'system')),
    author_id INTEGER,
    content TEXT NOT NULL DEFAULT '',
    metadata TEXT NOT NULL DEFAULT '{}',
    media TEXT,
    raw TEXT,
    external_id TEXT,
    reply_to TEXT,
    status TEXT NOT NULL CHECK (status IN ('pending', 'processed', 'failed', 'sending', 'sent',
                                            'delivered', 'read', 'unknown')),
    reason TEXT,
    provider_at INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    UNIQUE (channel_n, external_id)
) STRICT;
CREATE INDEX messages_conversation ON messages (conversation_n, n);
-- What a tenant's dashboard counts, by channel.
CREATE INDEX messages_tenant ON messages (tenant_n, created_at, channel_n, direction);
-- Whether bytes are still somebody's; few messages have any.
CREATE INDEX messages_blob ON messages (json_extract(media, '$.blob')) WHERE media IS NOT NULL;
-- Few rows: what a webhook stores has no turn yet.
CREATE INDEX messages_turn ON messages (turn_n, n) WHERE turn_n IS NOT NULL;
CREATE INDEX messages_pending ON messages (conversation_n, n) WHERE status IN ('pending', 'sending');

-- What providers said of messages that we sent, in whatever order; also before we knew their ids.
CREATE TABLE message_statuses (
    channel_n INTEGER NOT NULL REFERENCES channels (n),
    external_id TEXT NOT NULL,
    status TEXT NOT NULL,
    tenant_n INTEGER NOT NULL REFERENCES tenants (n),
    errors TEXT,
    at INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    PRIMARY KEY (channel_n, external_id, status)
) STRICT, WITHOUT ROWID;

-- What webhooks brought for nobody, or what could not be read of it: one row for each number and reason,
-- the latest payload with it.
CREATE TABLE webhook_strays (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    source TEXT NOT NULL,
    number TEXT NOT NULL,
    reason TEXT NOT NULL,
    detail TEXT,
    payload TEXT,
    count INTEGER NOT NULL DEFAULT 1,
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    UNIQUE (source, number, reason)
) STRICT;

-- What was used, for what: one line for each kind and key, never changed. The figures that quotas are
-- checked against are the ledger's.
CREATE TABLE usage_records (
    n INTEGER PRIMARY KEY,
    tenant_n INTEGER NOT NULL REFERENCES tenants (n),
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    amount INTEGER NOT NULL,
    conversation_n INTEGER,
    turn_n INTEGER,
    provider TEXT,
    model TEXT,
    tokens_in INTEGER,
    tokens_out INTEGER,
    cost_micros INTEGER,
    at INTEGER NOT NULL,
    UNIQUE (tenant_n, kind, key)
) STRICT;
CREATE INDEX usage_records_at ON usage_records (tenant_n, at, kind);

-- The contract's name for the ledger's sums of a period.
CREATE VIEW quota_usage AS
    SELECT t.n AS tenant_n, b.unit AS kind, b.starts AS period_start, b.ends AS period_end, b.used,
           b.reserved
      FROM ledger_balances b JOIN tenants t ON b.owner = 'tenant:' || t.n;

-- Warnings told, once for each period and level (80, 100 %).
CREATE TABLE quota_warnings (
    tenant_n INTEGER NOT NULL REFERENCES tenants (n),
    kind TEXT NOT NULL,
    period_start INTEGER NOT NULL,
    level INTEGER NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (tenant_n, kind, period_start, level)
) STRICT, WITHOUT ROWID;

CREATE TABLE knowledge_bases (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    tenant_n INTEGER NOT NULL REFERENCES tenants (n),
    name TEXT NOT NULL,
    description TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER
) STRICT;
CREATE INDEX knowledge_bases_tenant ON knowledge_bases (tenant_n, n);

-- blob: of the bytes as they came. revision: raised when it is to be indexed anew; chunks of an older
-- one go when the new ones stand.
CREATE TABLE knowledge_documents (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    tenant_n INTEGER NOT NULL REFERENCES tenants (n),
    knowledge_base_n INTEGER NOT NULL REFERENCES knowledge_bases (n),
    name TEXT NOT NULL,
    source TEXT NOT NULL CHECK (source IN ('upload', 'url', 'text')),
    url TEXT,
    mime_type TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    status TEXT NOT NULL
        CHECK (status IN ('uploaded', 'extracting', 'indexing', 'indexed', 'failed')),
    reason TEXT,
    language TEXT,
    page_count INTEGER,
    chunk_count INTEGER NOT NULL DEFAULT 0,
    token_count INTEGER NOT NULL DEFAULT 0,
    embedding_model TEXT,
    revision INTEGER NOT NULL DEFAULT 1,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    indexed_at INTEGER,
    UNIQUE (knowledge_base_n, sha256)
) STRICT;
CREATE INDEX knowledge_documents_blob ON knowledge_documents (sha256);
CREATE INDEX knowledge_documents_tenant ON knowledge_documents (tenant_n, n);

-- n: the key of the search index; its first change number.
CREATE TABLE knowledge_chunks (
    n INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    tenant_n INTEGER NOT NULL REFERENCES tenants (n),
    knowledge_base_n INTEGER NOT NULL REFERENCES knowledge_bases (n),
    document_n INTEGER NOT NULL REFERENCES knowledge_documents (n),
    revision INTEGER NOT NULL,
    position INTEGER NOT NULL,
    heading TEXT,
    page INTEGER,
    text TEXT NOT NULL,
    tokens INTEGER NOT NULL,
    language TEXT,
    change_seq INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (document_n, revision, position)
) STRICT;
CREATE INDEX knowledge_chunks_change ON knowledge_chunks (change_seq);

-- Beside the chunk, so that reading its text does not read 3 KB more. vector: floats, little-endian.
CREATE TABLE chunk_vectors (
    chunk_n INTEGER PRIMARY KEY REFERENCES knowledge_chunks (n) ON DELETE CASCADE,
    tenant_n INTEGER NOT NULL,
    model TEXT NOT NULL,
    vector BLOB NOT NULL
) STRICT;

CREATE TABLE knowledge_deleted (
    n INTEGER PRIMARY KEY,
    change_seq INTEGER NOT NULL,
    deleted_at INTEGER NOT NULL
) STRICT;
CREATE INDEX knowledge_deleted_change ON knowledge_deleted (change_seq);

-- What a tenant has put here to send. Bytes are in the blob store, once for all; a row says that they are
-- this tenant's, too.
CREATE TABLE media_files (
    tenant_n INTEGER NOT NULL REFERENCES tenants (n),
    sha256 TEXT NOT NULL,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    mime_type TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_n, sha256)
) STRICT;
CREATE INDEX media_files_blob ON media_files (sha256);

-- A visitor of a website. token_hash: hex SHA-256.
CREATE TABLE widget_sessions (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    tenant_n INTEGER NOT NULL REFERENCES tenants (n),
    channel_n INTEGER NOT NULL REFERENCES channels (n),
    contact_n INTEGER NOT NULL REFERENCES contacts (n),
    token_hash TEXT NOT NULL UNIQUE,
    origin TEXT,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL
) STRICT;
CREATE INDEX widget_sessions_expiry ON widget_sessions (expires_at);

-- down
DROP TABLE widget_sessions;
DROP TABLE media_files;
DROP TABLE knowledge_deleted;
DROP TABLE chunk_vectors;
DROP TABLE knowledge_chunks;
DROP TABLE knowledge_documents;
DROP TABLE knowledge_bases;
DROP TABLE quota_warnings;
DROP VIEW quota_usage;
DROP TABLE usage_records;
DROP TABLE webhook_strays;
DROP TABLE message_statuses;
DROP TABLE messages;
DROP TABLE turns;
DROP TABLE conversations;
DROP TABLE contacts;
DROP TABLE channel_bindings;
DROP TABLE assistants;
DROP TABLE channels;
DROP TABLE tenants;
