/* SPDX-License-Identifier: Apache-2.0
 * Turns: what was attached, what goes out and does not, jobs that are lost. */
#include "turn_world.h"

/* -- attachments ----------------------------------------------------------------------------------- */

#define SOUND "{\"id\":\"m1\",\"mimeType\":\"audio/ogg\",\"voice\":true}"

WORK(a_recording_is_written_down_before_it_is_answered) {
    if (!begin(c)) return;
    out.heard = "When does the school open?";
    write_as(c, "+33612345678", "audio", "", SOUND);
    run_all(c);
    CHECK_TURN("answered", "");
    CHECK_STR(out.question, S("When does the school open?"));
    Message m = message_by(c, "direction = 'inbound'");
    CHECK_STR(m.content, S("When does the school open?"));
    CHECK(str_find(m.media.text, S("stored")) > 0);
    CHECK(str_find(m.media.text, S("transcript")) > 0);
}

WORK(a_recording_that_nobody_can_write_down_says_so_and_gets_the_configured_words) {
    if (!begin(c)) return;
    out.lacks = "set AI_TRANSCRIBE_PROVIDER";
    write_as(c, "+33612345678", "audio", "", SOUND);
    run_all(c);
    CHECK_TURN("refused", "unreadable: ");
    CHECK_STR(out.wire_text, S("Je ne peux pas lire ce message. Pouvez-vous l'écrire en texte ?"));
    Message m = message_by(c, "direction = 'inbound'");
    CHECK(str_find(m.media.text, S("not_transcribed")) > 0);
    CHECK(str_find(m.media.text, S("AI_TRANSCRIBE_PROVIDER")) > 0);
    CHECK_INT(out.asked, 0);
    CHECK_INT(usage_count(c, "messages"), 1);
    write_as(c, "+33612345678", "audio", "", SOUND);
    says(c, "+33612345678", "When does the school open?"); /* the text alone is answered */
    run_all(c);
    CHECK_TURN("answered", "");
    CHECK_STR(out.question, S("When does the school open?"));
}

WORK(a_sticker_alone_wants_no_answer) {
    if (!begin(c)) return;
    write_as(c, "+33612345678", "sticker", "", "{\"id\":\"m1\",\"mimeType\":\"image/webp\"}");
    run_all(c);
    CHECK_TURN("skipped", "nothing_asked: ");
    CHECK_INT(outbound_count(c), 0);
    CHECK_INT(usage_count(c, "messages"), 0);
    CHECK_STR(message_by(c, "direction = 'inbound'").status, S("processed"));
}

WORK(where_it_is_wanted_what_cannot_be_read_goes_to_a_person) {
    if (!begin_with(c, "{\"debounceMs\":0}", "{\"onMedia\":\"handoff\"}")) return;
    write_as(c, "+33612345678", "image", "", "{\"id\":\"m1\",\"mimeType\":\"image/png\"}");
    run_all(c);
    CHECK_TURN("handed_over", "unreadable: ");
    CHECK_INT(count_rows(c, "SELECT count(*) FROM conversations WHERE status = 'handoff'"), 1);
}

WORK(an_attachment_that_cannot_be_had_never_fails_the_turn) {
    static const ErrKind kinds[] = {ERR_INVALID, ERR_TOO_LARGE, ERR_UPSTREAM};
    if (!begin(c)) return;
    for (int i = 0; i < COUNT(kinds); i++) {
        out.media_fails = kinds[i];
        out.media_failures = kinds[i] == ERR_UPSTREAM ? 1000 : 1;
        write_as(c, "+33612345678", "image", "When does this open?",
                 "{\"id\":\"m1\",\"mimeType\":\"image/png\"}");
        run_all(c);
        CHECK_TURN("answered", "");
        CHECK_INT(out.sent, i + 1);
        CHECK(str_find(message_by(c, "direction = 'inbound'").media.text, S("failed")) > 0);
        out.media_failures = 0;
    }
}

/* -- sending --------------------------------------------------------------------------------------- */

WORK(what_was_certainly_not_sent_is_sent_again) {
    if (!begin(c)) return;
    out.send_fails = ERR_RATE_LIMITED;
    out.send_failures = SEND_TRIES - 1;
    says(c, "+33612345678", "When does the school open?");
    run_all(c);
    CHECK_TURN("answered", "");
    CHECK_INT(out.sent, 1);
    CHECK_INT(out.asked, 1);
    Message m = message_by(c, "direction = 'outbound'");
    CHECK_STR(m.status, S("sent"));
    CHECK(str_is_null(m.reason));
}

WORK(what_is_never_taken_has_failed_and_goes_out_when_a_person_asks) {
    static const ErrKind kinds[] = {ERR_UNAVAILABLE, ERR_INVALID, ERR_NOT_CONFIGURED};
    if (!begin(c)) return;
    for (int i = 0; i < COUNT(kinds); i++) {
        out.send_fails = kinds[i];
        out.send_failures = kinds[i] == ERR_UNAVAILABLE ? 1000 : 1;
        out.asked = 0;
        says(c, "+33612345678", "When does the school open?");
        run_all(c);
        CHECK_STR(last_turn(c).state, S("failed"));
        CHECK_STR(message_by(c, "direction = 'outbound'").status, S("failed"));
        out.send_failures = 0;
        GOOD(again(c, turn_replay, last_turn(c).id));
        run_all(c);
        CHECK_TURN("answered", "");
        CHECK_INT(out.asked, 1);
        CHECK_INT(out.sent, i + 1);
    }
}

WORK(outside_the_window_the_approved_template_goes_out_or_nothing) {
    if (!begin(c)) return;
    says(c, "+33612345678", "When does the school open?");
    run_all(c);
    clock_move(25 * 3600 * 1000);
    GOOD(db_transaction(c, person_writes, (void *)"Are you still interested?"));
    run_all(c);
    CHECK_INT(out.sent, 1);
    Message m = message_by(c, "direction = 'outbound'");
    CHECK_STR(m.status, S("failed"));
    CHECK(str_starts(m.reason, S("outside_window: ")));
    GOOD(db_exec(c,
                 SQL("UPDATE channels SET config = '{\"debounceMs\":0,\"template\":{\"name\":\"back\","
                     "\"language\":\"fr\"}}'"),
                 NO_ARGS, NULL));
    GOOD(again(c, message_resend, m.id));
    run_all(c);
    CHECK_INT(out.sent, 2);
    CHECK_STR(out.wire_type, S("template"));
    CHECK(str_find(out.wire_metadata, S("\"name\":\"back\"")) > 0);
}

WORK(where_the_provider_says_that_the_window_is_closed_the_template_follows) {
    if (!begin_with(c, "{\"debounceMs\":0,\"template\":{\"name\":\"back\",\"language\":\"fr\"}}", "{}"))
        return;
    out.send_fails = ERR_INVALID;
    out.send_code = "131047";
    out.send_failures = 1;
    says(c, "+33612345678", "When does the school open?");
    run_all(c);
    CHECK_TURN("answered", "");
    CHECK_INT(out.sent, 1);
    CHECK_STR(out.wire_type, S("template"));
}

/* -- jobs that are lost ------------------------------------------------------------------------------ */

WORK(a_conversation_whose_job_was_lost_is_found) {
    if (!begin(c)) return;
    says(c, "+33612345678", "When does the school open?");
    GOOD(db_exec(c, SQL("UPDATE jobs SET state = 'dead'"), NO_ARGS, NULL));
    GOOD(turns_sweep(c, NULL)); /* too fresh to be lost */
    CHECK_INT(run_all(c), 0);
    clock_move(2 * 60 * 1000);
    GOOD(turns_sweep(c, NULL));
    run_all(c);
    CHECK_TURN("answered", "");
    CHECK_INT(out.sent, 1);
}

WORK(a_turn_that_ends_its_job_again_and_again_is_given_up) {
    if (!begin(c)) return;
    out.chat_fails = ERR_UPSTREAM;
    out.chat_failures = 1;
    says(c, "+33612345678", "When does the school open?");
    run_one(c);
    GOOD(db_exec(c, SQL("UPDATE jobs SET state = 'dead' WHERE state = 'waiting'"), NO_ARGS, NULL));
    clock_move(2 * 60 * 1000);
    GOOD(turns_sweep(c, NULL));
    CHECK_TURN("failed", "given_up: ");
    CHECK_INT(reserved(c), 0);
    GOOD(again(c, turn_replay, last_turn(c).id));
    run_all(c);
    CHECK_TURN("answered", "");
}

WORK(another_tenants_turns_and_messages_are_not_there) {
    if (!begin(c)) return;
    says(c, "+33612345678", "When does the school open?");
    out.chat_fails = ERR_INVALID;
    out.chat_failures = 1;
    run_all(c);
    Turn t = last_turn(c);
    Message m = message_by(c, "direction = 'inbound'");
    s = tenant_make(c, "shop");
    FAILS(again(c, turn_replay, t.id), NOT_FOUND);
    FAILS(again(c, message_resend, m.id), NOT_FOUND);
}

// clang-format off
T_MAIN(BOTH_ROWS(a_recording_is_written_down_before_it_is_answered),
       BOTH_ROWS(a_recording_that_nobody_can_write_down_says_so_and_gets_the_configured_words),
       BOTH_ROWS(a_sticker_alone_wants_no_answer),
       BOTH_ROWS(where_it_is_wanted_what_cannot_be_read_goes_to_a_person),
       BOTH_ROWS(an_attachment_that_cannot_be_had_never_fails_the_turn),
       BOTH_ROWS(what_was_certainly_not_sent_is_sent_again),
       BOTH_ROWS(what_is_never_taken_has_failed_and_goes_out_when_a_person_asks),
       BOTH_ROWS(outside_the_window_the_approved_template_goes_out_or_nothing),
       BOTH_ROWS(where_the_provider_says_that_the_window_is_closed_the_template_follows),
       BOTH_ROWS(a_conversation_whose_job_was_lost_is_found),
       BOTH_ROWS(a_turn_that_ends_its_job_again_and_again_is_given_up),
       BOTH_ROWS(another_tenants_turns_and_messages_are_not_there))
