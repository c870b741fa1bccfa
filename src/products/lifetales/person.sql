-- What a person has set. $1 is the person's user_id everywhere.

-- name: person_settings
-- Columns of story_settings_row_record; null: the contract's default.
SELECT narrative_tone, story_mode, creativity, image_style, images_per_chapter, voice_style, background_music
  FROM user_settings WHERE user_id = $1

-- name: person_settings_put
-- $2 tone, $3 mode, $4 creativity, $5 image style, $6 images a chapter, $7 voice, $8 music (null: as it is), $9 now.
INSERT INTO user_settings (user_id, narrative_tone, story_mode, creativity, image_style, images_per_chapter,
                           voice_style, background_music, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (user_id) DO UPDATE SET
       narrative_tone = coalesce(excluded.narrative_tone, user_settings.narrative_tone),
       story_mode = coalesce(excluded.story_mode, user_settings.story_mode),
       creativity = coalesce(excluded.creativity, user_settings.creativity),
       image_style = coalesce(excluded.image_style, user_settings.image_style),
       images_per_chapter = coalesce(excluded.images_per_chapter, user_settings.images_per_chapter),
       voice_style = coalesce(excluded.voice_style, user_settings.voice_style),
       background_music = coalesce(excluded.background_music, user_settings.background_music),
       updated_at = excluded.updated_at
