/* SPDX-License-Identifier: Apache-2.0
 * The rows of sylion, as members and columns are named; on the wire they are camelCase (Record.camel).
 * n and …_n are short keys of ours and never leave; `id` is the UUID. A member that names another
 * row by UUID (channel_id) is filled by the statement's join. Each record's table stands in the file of
 * its concept. */
#ifndef SOCLE_SYLION_RECORDS_H
#define SOCLE_SYLION_RECORDS_H

#include "core/record.h"

/* Of one kind in the present period. limit -1: without. */
typedef struct QuotaUse {
    int64_t used, limit;
    OptFloat percentage; /* with what is reserved; null without a limit */
} QuotaUse;
typedef struct TenantUsage {
    QuotaUse messages, ai_requests, tokens, storage_mb, channels, assistants;
} TenantUsage;

/* quota_…: its own; unset where the plan's holds. On the wire they and `usage` are what holds
 * (tenant_show). */
typedef struct Tenant {
    Id n, organisation_id;
    Str id, name, slug, plan, contact_email, contact_phone, webhook_url, time_zone;
    Str webhook_sealed; /* what signs webhooks */
    Str webhook_secret; /* the same, told once: when it is made */
    JsonText billing_address, settings;
    bool is_active;
    OptInt quota_messages, quota_ai_requests, quota_tokens, quota_storage_mb, quota_channels,
        quota_assistants;
    TenantUsage usage;
    Time created_at, updated_at, deleted_at;
} Tenant;
extern const Record tenant_record;

/* Secrets are sealed; channel_secret (channels.h) opens them. */
typedef struct Channel {
    Id n, tenant_n;
    Str id, tenant_id, name, type, provider;
    bool is_active;
    JsonText config; /* see channels.h */
    Str whatsapp_phone_number, phone_number_id;
    Str whatsapp_api_key, whatsapp_verify_token, app_secret, webhook_secret;
    Time created_at, updated_at, deleted_at;
} Channel;
extern const Record channel_record;

typedef struct Assistant {
    Id n, tenant_n;
    Str id, tenant_id, name, description, provider, model, system_prompt;
    bool is_default, is_active, enable_rag;
    OptFloat temperature;
    int64_t max_tokens, rag_max_results;
    double rag_threshold;
    StrList knowledge_base_ids;
    JsonText handoff; /* see assistants.h */
    Time created_at, updated_at, deleted_at;
} Assistant;
extern const Record assistant_record;

typedef struct Binding {
    Id n, tenant_n, channel_n, assistant_n;
    Str id, tenant_id, channel_id, assistant_id;
    StrList languages;
    JsonText hours;
    int64_t priority;
    Time created_at;
} Binding;
extern const Record binding_record;

typedef struct Contact {
    Id n, tenant_n, channel_n;
    Str id, phone, user_key, name, language;
    JsonText metadata;
    Time last_inbound_at, created_at, updated_at;
} Contact;
extern const Record contact_record;

typedef struct Conversation {
    Id n, tenant_n, channel_n, contact_n, assistant_n;
    Str id, tenant_id, channel_id, assistant_id, user_identifier, user_name, status, title, language,
        handoff_reason, last_message;
    JsonText user_metadata, context;
    int64_t message_count, unread_count;
    Time last_message_at, last_inbound_at, created_at, updated_at, ended_at;
} Conversation;
extern const Record conversation_record;

typedef struct Message {
    Id n, tenant_n, channel_n, conversation_n, turn_n, author_id;
    Str id, conversation_id, turn_id, type, direction, author, content, external_id, reply_to, status,
        reason;
    JsonText metadata, media, raw;
    Time provider_at, created_at, updated_at;
} Message;
extern const Record message_row_record; /* ConversationMessage in the documents */

typedef struct Turn {
    Id n, tenant_n, conversation_n, assistant_n;
    Str id, conversation_id, assistant_id, state, step, reason, question, provider, model;
    int64_t attempts;
    JsonText sources, used;
    OptInt tokens_in, tokens_out, cost_micros;
    Time started_at, updated_at, finished_at;
} Turn;
extern const Record turn_record;

typedef struct KnowledgeBase {
    Id n, tenant_n;
    Str id, tenant_id, name, description;
    int64_t document_count, chunk_count, size_bytes;
    Time created_at, updated_at, deleted_at;
} KnowledgeBase;
extern const Record knowledge_base_record;

typedef struct Document {
    Id n, tenant_n, knowledge_base_n;
    Str id, tenant_id, knowledge_base_id, name, source, url, mime_type, sha256, status, reason,
        language, embedding_model;
    int64_t size_bytes, chunk_count, token_count, revision;
    OptInt page_count;
    Time created_at, updated_at, indexed_at;
} Document;
extern const Record document_record;

#endif
