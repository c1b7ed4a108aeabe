"""What mail programs write around the mail that is answered or forwarded, in the languages they speak."""

from __future__ import annotations

import re


def _words(*lines: str) -> frozenset[str]:
    return frozenset(word for line in lines for word in line.split("|"))


# The lines of the block above the old mail: who wrote it, when, to whom, about what. In front of a colon, lower case.
FROM = _words(
    "from|发件人|發件人|寄件者|寄件人|từ|người gửi|จาก|nuo|siuntėjas|من|المرسل|von|absender|de|da|van",
    "afzender|od|от|від",
    "差出人|送信元|보낸 사람|보낸사람|発信者|fra|från|avsändare|lähettäjä|saatja|no|sūtītājs|feladó|de la",
    "kimden|gönderen",
    "από|מאת|מ|از|dari|pengirim|odosielateľ|odesílatel|nadawca|отправитель|відправник|mittente|expéditeur",
    "remitente",
    "remetente|oд|пошиљалац|გამომგზავნი",
)
SENT = _words(
    "sent|date|发送时间|发件时间|时间|日期|寄件日期|傳送時間|發送時間|đã gửi|ngày|ngày gửi|thời gian|gửi|ส่ง",
    "ส่งเมื่อ|วันที่|เวลา",
    "išsiųsta|data|تاريخ الإرسال|تم الإرسال|التاريخ|تاريخ|أرسلت|gesendet|datum|envoyé|envoyé le|enviado",
    "enviado el|fecha",
    "enviada|enviada em|enviado em|inviato|verzonden|送信日時|日付|送信日|보낸 날짜|날짜|보낸날짜|sendt|dato",
    "skickat|skickades",
    "lähetetty|päivämäärä|päiväys|saadetud|kuupäev|nosūtīts|datums|küldve|elküldve|dátum|trimis|expediat",
    "gönderildi",
    "gönderilme tarihi|gönderme tarihi|gönderim tarihi|tarih|στάλθηκε|ημερομηνία|נשלח|תאריך|ارسال شده",
    "dikirim|tanggal",
    "odoslané|odesláno|poslano|послато|датум|изпратено|дата|отправлено|отправлен|надіслано|відправлено",
    "wysłano|wysłane",
    "enviat|bidalita|sent at|tarix",
)
TO = _words(
    "to|收件人|收件者|đến|tới|người nhận|ถึง|kam|gavėjas|إلى|an|empfänger|à|para|a|aan|do|кому|宛先",
    "받는 사람|받는사람",
    "til|till|vastaanottaja|saaja|kam|kellele|címzett|către|kime|alıcı|προς|אל|به|kepada|komu|za|prima|до|cc",
    "destinatario",
    "per|adresat|pre",
)
SUBJECT = _words(
    "subject|主题|主題|主旨|标题|tiêu đề|chủ đề|เรื่อง|หัวข้อ|tema|الموضوع|betreff|objet|sujet|asunto",
    "assunto|oggetto",
    "onderwerp|temat|předmět|predmet|件名|제목|emne|ämne|aihe|teema|temats|tárgy|subiect|konu|θέμα|נושא",
    "موضوع|perihal",
    "subjek|относно|тема|gaia|assumpte|predmet|zadeva|naslov|re",
)

# In a dashed line, or before a colon: "Original Message", "Begin forwarded message".
FORWARDED = re.compile(
    r"original (?:message|e-?mail|appointment)|forwarded (?:message|mail|by)|begin forwarded|reply message|"
    r"ursprüngliche nachricht|original-?nachricht|weitergeleitete (?:nachricht|mail|e-mail)|"
    r"weitergeleiteten nachricht|"
    r"message (?:d'origine|original|transféré|transmis)|mensaje (?:original|reenviado)|"
    r"messaggio (?:originale|inoltrato)|"
    r"mensagem (?:original|encaminhada|reencaminhada)|oorspronkelijk (?:bericht|e-mailbericht)|"
    r"doorgestuurd bericht|"
    r"begin doorgestuurd|ursprungligt meddelande|originalmeddelande|vidarebefordra|videresendt|"
    r"oprindelig meddelelse|"
    r"opprinnelig melding|alkuperäinen viesti|edelleenlähetetty|välitetty viesti|originalkiri|edastatud|"
    r"oryginalna wiadomość|wiadomość oryginalna|przekazana wiadomość|wiadomość przekazana|původní zpráva|"
    r"přeposlaná zpráva|původní e-mail|pôvodná správa|preposlaná správa|eredeti üzenet|továbbított|"
    r"mesaj (?:original|redirec)|"
    r"mesajul (?:inițial|redirecționat)|исходное сообщение|оригинальное сообщение|пересылаемое сообщение|"
    r"пересланное сообщение|перенаправленное|вихідне повідомлення|оригінальне повідомлення|переслане повідомлення|"
    r"оригинално съобщение|препратено съобщение|αρχικό μήνυμα|προωθημένο μήνυμα|orijinal (?:mesaj|ileti)|"
    r"özgün ileti|"
    r"iletilen (?:mesaj|ileti)|izvorna poruka|proslijeđena poruka|prosleđena poruka|izvirno sporočilo|"
    r"posredovano sporočilo|"
    r"originalus laiškas|pradinis (?:pranešimas|laiškas)|persiųst|oriģināl|pārsūtīt|missatge (?:original|reenviat)|"
    r"原始邮件|原邮件|原始郵件|原始訊息|转发|轉寄|轉發|回复的邮件|元のメッセージ|オリジナルメッセージ|転送|"
    r"原文|원본 메시지|"
    r"원본 메일|전달된 메시지|ข้อความเดิม|ข้อความต้นฉบับ|ข้อความที่ส่งต่อ|thư gốc|tin nhắn gốc|chuyển tiếp|"
    r"الرسالة الأصلية|رسالة محولة|رسالة معاد|הודעה מקורית|הודעה שהועברה|پیام اصلی|pesan asli|pesan terusan|"
    r"pesan yang diteruskan",
    re.IGNORECASE,
)

# "… wrote:" in the line above the old mail.
WROTE = re.compile(
    r"\b(?:wrote|writes|schrieb|schreibt|geschrieben|a écrit|écrit|escribió|va escriure|escribiu|ha scritto|scrisse|"
    r"escreveu|schreef|skrev|skreiv|kirjoitti|kirjutas|napsala?|napsal\(a\)|napísala?|napisał|napisala?|"
    r"napisao|írta|"
    r"a scris|написала?|пишет|написав|пише|έγραψε|yazdı|şunları yazdı|rašė|parašė|rakstīja|đã viết|viết|"
    r"menulis|idatzi|skrifaði)\b|napisał\(a\)|เขียน|写道|寫道|のメール|書きました|작성|كتب|כתב|نوشت",
    re.IGNORECASE,
)

SENT_FROM_DEVICE = re.compile(
    r"(?:sent (?:from|via|with) (?:my |the )?[\w .-]*"
    r"(?:i?phone|ipad|android|mobile|mail|outlook|samsung|galaxy|yahoo|device)|"
    r"get outlook for|(?:diese nachricht wurde )?(?:von|mit) mein[\w -]*(?:gesendet|geschickt)|"
    r"gesendet (?:von|mit)|"
    r"envoyé (?:de|depuis|à partir)|enviado (?:desde|do|de|a partir)|enviat des de|inviato da|"
    r"verzonden (?:vanaf|met|vanuit)|"
    r"skickat från|sendt fra|lähetetty |saadetud minu|wysłane? z|odesláno z|odoslané z|trimis de pe|"
    r"отправлено (?:с|из)|"
    r"надіслано з|изпратено от|εστάλη από|iphone['\u2019]?umdan|poslano (?:s|z|iz)|siųsta iš|išsiųsta iš|"
    r"nosūtīts no|"
    r"(?:iphone|ipad|android)から送信|发自我的|發自我的|從我的|从我的|나의 |내 (?:iphone|갤럭시)|"
    r"(?:đã )?(?:được )?gửi từ|ส่งจาก|"
    r"أ?رسلت? من|تم الإرسال من|נשלח מ)",
    re.IGNORECASE,
)
