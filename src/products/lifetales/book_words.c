/* SPDX-License-Identifier: Apache-2.0
 * The words that the book itself says, and the texts it is given made fit for print: valid UTF-8, without
 * what no page and no XML can hold, in paragraphs. */
#include "core/time.h"
#include "products/lifetales/book_room.h"

static const BookWords tongues[] = {
    {"fr", "Table des matières", "Couverture", "Page de titre", "À propos de ce livre",
     "Écouter la voix",
     "Les codes à photographier mènent aux enregistrements d’origine. Ils restent ouverts aussi longtemps "
     "que la personne à qui ils appartiennent le veut bien.",
     "Récit composé à partir de notes de voix, d’écrits et d’images.", "Composé en", "Image",
     "Chapitre", "Début du texte"},
    {"en", "Contents", "Cover", "Title page", "About this book", "Hear the voice",
     "The codes lead to the original recordings. They stay open for as long as the person they belong to "
     "wishes.",
     "A story made from spoken notes, writings and pictures.", "Set in", "Picture", "Chapter",
     "Start of the text"},
    {"ar", "المحتويات", "الغلاف", "صفحة العنوان", "عن هذا الكتاب", "استمع إلى الصوت",
     "تقود الرموز إلى التسجيلات الأصلية، وتبقى متاحة ما دام صاحبها يريد ذلك.",
     "قصة كُتبت من ملاحظات صوتية ونصوص وصور.", "صُفّ بخط", "صورة", "الفصل", "بداية النص"},
    {"zh", "目录", "封面", "书名页", "关于本书", "聆听原声",
     "书中的二维码通向原始录音。只要录音的主人愿意，它们就一直有效。",
     "由语音、文字与图片笔记写成的故事。", "正文字体", "图片", "章", "正文开始"},
    {"de", "Inhalt", "Umschlag", "Titelseite", "Über dieses Buch", "Die Stimme hören",
     "Die Codes führen zu den ursprünglichen Aufnahmen. Sie bleiben offen, solange der Mensch, dem sie "
     "gehören, es will.",
     "Eine Geschichte aus gesprochenen Notizen, Texten und Bildern.", "Gesetzt aus der", "Bild",
     "Kapitel", "Beginn des Textes"},
    {"es", "Índice", "Cubierta", "Portada", "Sobre este libro", "Escuchar la voz",
     "Los códigos llevan a las grabaciones originales. Siguen abiertos mientras quiera la persona a quien "
     "pertenecen.",
     "Relato compuesto a partir de notas de voz, textos e imágenes.", "Compuesto en", "Imagen",
     "Capítulo", "Comienzo del texto"},
};

bool book_speaks(Str language, Str primary) {
    if (language.len < primary.len) return false;
    if (!str_eq_nocase(str_slice(language, 0, primary.len), primary)) return false;
    return language.len == primary.len || language.data[primary.len] == '-' ||
           language.data[primary.len] == '_';
}

bool book_rtl(Str language) {
    return book_speaks(language, S("ar")) || book_speaks(language, S("he")) ||
           book_speaks(language, S("fa")) || book_speaks(language, S("ur"));
}

const BookWords *book_words(Str language) {
    for (ptrdiff_t i = 0; i < COUNT(tongues); i++)
        if (book_speaks(language, str_c(tongues[i].language))) return &tongues[i];
    return &tongues[1];
}

void book_point(Buf *b, int32_t point) {
    uint32_t p = (uint32_t)point;
    if (p < 0x80) {
        buf_byte(b, (char)p);
    } else if (p < 0x800) {
        buf_byte(b, (char)(0xc0 | p >> 6));
        buf_byte(b, (char)(0x80 | (p & 0x3f)));
    } else if (p < 0x10000) {
        buf_byte(b, (char)(0xe0 | p >> 12));
        buf_byte(b, (char)(0x80 | (p >> 6 & 0x3f)));
        buf_byte(b, (char)(0x80 | (p & 0x3f)));
    } else {
        buf_byte(b, (char)(0xf0 | p >> 18));
        buf_byte(b, (char)(0x80 | (p >> 12 & 0x3f)));
        buf_byte(b, (char)(0x80 | (p >> 6 & 0x3f)));
        buf_byte(b, (char)(0x80 | (p & 0x3f)));
    }
}

/* -- Clean ---------------------------------------------------------------------------------------- */

enum { MARKS_MAX = 8, REPLACED = 0xfffd };

/* What is written in place of a code point; 0: nothing. */
static int32_t cleaned(int32_t p) {
    if (p == '\n' || p == 0x85 || p == 0x2028) return '\n';
    if (p == '\t' || p == '\f' || p == '\v') return ' ';
    if (p < 0x20 || (p >= 0x7f && p < 0xa0) || p == 0xad || p == 0xfeff) return 0;
    if ((p >= 0x202a && p <= 0x202e) || (p >= 0x2066 && p <= 0x2069)) return 0; /* who reorders */
    if ((p & 0xfffe) == 0xfffe || (p >= 0xfdd0 && p <= 0xfdef) || (p >= 0xe000 && p <= 0xf8ff) ||
        p >= 0xf0000)
        return REPLACED;
    return p;
}

Str book_clean(Arena *arena, Str text) {
    Buf b = buf_new(arena, text.len + 16);
    int32_t last = 0;
    int marks = 0;
    for (ptrdiff_t pos = 0; pos < text.len;) {
        int32_t p = str_utf8_next(text, &pos);
        if (p == '\r') p = pos < text.len && text.data[pos] == '\n' ? 0 : '\n';
        if (p == 0x2029) {
            buf_add(&b, S("\n\n"));
            last = '\n';
            continue;
        }
        p = p ? cleaned(p) : 0;
        marks = p >= 0x300 && p < 0x370 ? marks + 1 : 0;
        if (p == 0 || marks > MARKS_MAX || (p == REPLACED && last == REPLACED)) continue;
        book_point(&b, last = p);
    }
    return buf_str(&b);
}

/* Blanks that stand together become one. */
static Str folded(Arena *arena, Str text) {
    Buf b = buf_new(arena, text.len + 1);
    for (ptrdiff_t i = 0; i < text.len; i++) {
        char byte = text.data[i] == '\n' ? ' ' : text.data[i];
        if (byte != ' ' || (b.len > 0 && b.data[b.len - 1] != ' ')) buf_byte(&b, byte);
    }
    return str_trim(buf_str(&b));
}

Str book_line(Arena *arena, const Book *book, Str text, Str otherwise) {
    Str line = folded(arena, book_clean(arena, text));
    if (line.len == 0) return otherwise;
    return book_typography(arena, line, book->language);
}

BookText book_text(Arena *arena, const Book *book, Str text) {
    Str rest = book_clean(arena, text);
    ptrdiff_t lines = 1;
    for (ptrdiff_t i = 0; i < rest.len; i++) lines += rest.data[i] == '\n';
    BookText out = {arena_array(arena, BookParagraph, lines), 0};
    bool goes_on = false;
    while (rest.data) {
        Str line;
        rest = str_cut(rest, '\n', &line);
        line = folded(arena, line);
        if (line.len == 0) {
            goes_on = false;
            continue;
        }
        line = book_typography(arena, line, book->language);
        out.items[out.count++] = (BookParagraph){line, goes_on};
        goes_on = true;
    }
    return out;
}

Str book_title(Arena *arena, const Book *book) {
    return book_line(arena, book, book->title, S("…"));
}

Str book_chapter_title(Arena *arena, const Book *book, ptrdiff_t chapter) {
    const BookWords *words = book_words(book->language);
    Str number = strf(arena, "%s %td", words->chapter, chapter + 1);
    return book_line(arena, book, book->chapters[chapter].title, number);
}

ptrdiff_t book_image_place(const BookChapter *chapter, ptrdiff_t image, ptrdiff_t paragraphs) {
    assert(image >= 0 && image < chapter->image_count);
    return image == 0 ? 0 : image * paragraphs / chapter->image_count;
}

/* -- Limits --------------------------------------------------------------------------------------- */

Err *book_in_time(Ctx *c) {
    if (c->deadline_us && mono_us() > c->deadline_us) FAIL(c, TIMEOUT, "The book takes too long to make");
    return NULL;
}

static Err *image_check(Ctx *c, const BookImage *image, const char *where, ptrdiff_t number) {
    if (book_image_look(image->bytes).kind == BOOK_NO_PICTURE)
        FAIL(c, INVALID, "A picture of %s %td cannot be read: it is not a whole PNG, JPEG or WebP",
             where, number);
    return NULL;
}

Err *book_check(Ctx *c, const Book *book) {
    ptrdiff_t bytes = 0, images = 0;
    if (book->chapter_count > BOOK_CHAPTERS_MAX)
        FAIL(c, TOO_LARGE, "A book has at most %d chapters", BOOK_CHAPTERS_MAX);
    for (ptrdiff_t i = 0; i < book->chapter_count; i++) {
        const BookChapter *chapter = &book->chapters[i];
        bytes += chapter->text.len + chapter->title.len;
        images += chapter->image_count;
    }
    if (bytes > BOOK_TEXT_MAX)
        FAIL(c, TOO_LARGE, "A book has at most %d MiB of text", BOOK_TEXT_MAX / 1024 / 1024);
    if (images > BOOK_IMAGES_MAX) FAIL(c, TOO_LARGE, "A book has at most %d pictures", BOOK_IMAGES_MAX);
    if (book->cover) TRY(image_check(c, book->cover, "the cover of book", 1));
    for (ptrdiff_t i = 0; i < book->chapter_count; i++)
        for (ptrdiff_t k = 0; k < book->chapters[i].image_count; k++)
            TRY(image_check(c, &book->chapters[i].images[k], "chapter", i + 1));
    return NULL;
}
