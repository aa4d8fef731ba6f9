"""A short text in each of some languages, of about a hundred words, written for the tests.

A morning by the river, told plainly: what nobody would call repetitive.
"""

TEXTS = {
    "en": (
        "The ferryman got up before the sun and walked down to the river with a lantern in "
        "his hand. Fog lay over the water, so he could not see the other bank, but he heard "
        "a dog barking there and knew that somebody was waiting. He untied the boat, pushed "
        "it off with his foot and began to row. Halfway across, the rope of the anchor "
        "caught on a sunken branch, and it took him ten minutes to cut it loose. When he "
        "finally landed, an old woman handed him a basket of apples, paid with two coins and "
        "asked why bread had become so dear this winter. He shrugged; even the miller did "
        "not know."
    ),
    "de": (
        "Der Fährmann stand vor der Sonne auf und ging mit einer Laterne zum Fluss hinunter. "
        "Über dem Wasser lag Nebel, sodass er das andere Ufer nicht sehen konnte, aber "
        "drüben bellte ein Hund, und da wusste er, dass jemand wartete. Er band das Boot "
        "los, stieß es mit dem Fuß ab und begann zu rudern. In der Mitte verfing sich das "
        "Ankerseil an einem versunkenen Ast, und er brauchte zehn Minuten, um es "
        "durchzuschneiden. Als er endlich anlegte, reichte ihm eine alte Frau einen Korb "
        "Äpfel, zahlte mit zwei Münzen und fragte, warum das Brot in diesem Winter so teuer "
        "geworden sei. Er zuckte die Schultern; nicht einmal der Müller wusste es."
    ),
    "hi": (
        "नाविक सूरज निकलने से पहले उठा और हाथ में लालटेन लेकर नदी की ओर चल पड़ा। पानी पर "
        "कोहरा छाया था, इसलिए उसे दूसरा किनारा दिखाई नहीं दिया, लेकिन उधर एक कुत्ता भौंक रहा "
        "था और वह समझ गया कि कोई प्रतीक्षा कर रहा है। उसने नाव खोली, पैर से उसे धक्का दिया "
        "और चप्पू चलाने लगा। बीच धारा में लंगर की रस्सी एक डूबी हुई डाल में फँस गई, जिसे "
        "काटने में दस मिनट लग गए। आख़िर जब वह घाट पर पहुँचा, तो बूढ़ी औरत ने सेबों की टोकरी "
        "थमाई, दो सिक्के चुकाए और पूछा कि इस सर्दी में रोटी इतनी महँगी क्यों हुई। उसने कंधे "
        "उचकाए; चक्कीवाले को भी पता नहीं था।"
    ),
    "zh": (
        "天还没亮，船夫就提着灯笼走到河边。水面上大雾弥漫，看不见对岸，可是那边传来狗叫声，他"
        "知道有人在等。他解开缆绳，用脚把小船一推，便划了起来。到了江心，锚索缠住沉在水底的树"
        "枝，花了十分钟才割断。终于靠岸时，一位老太太递给他一篮苹果，付了两枚铜钱，又问今年冬"
        "天面包为什么这样贵。他耸耸肩膀，连磨坊主也说不清楚。回去的路上雾气渐渐散开，阳光照着"
        "屋顶，几个孩子正往石桥那头跑，书包在背后一跳一跳。船夫放下桨，咬了口苹果，觉得这个早"
        "晨总算不坏。"
    ),
    "ja": (
        "渡し守は日の出より早く起きて、提灯を手に川へ下りて行った。水の上には霧がかかり、向こ"
        "う岸は見えなかったが、犬の鳴き声が聞こえたので、誰かが待っていると分かった。舟の綱を"
        "ほどき、足で岸を押し、櫂をこぎ始めた。ちょうど真ん中で錨のロープが沈んだ枝に引っかか"
        "り、切るのに十分もかかってしまった。ようやく着くと、おばあさんがりんごのかごを渡し、"
        "小銭を二枚払いながら、この冬はなぜパンがこんなに高いのかと尋ねた。彼は肩をすくめた。"
        "粉屋にさえ分からないのだ。帰り道、霧は少しずつ晴れて、屋根が朝日に光っていた。"
    ),
    "th": (
        "คนแจวเรือตื่นก่อนพระอาทิตย์ขึ้น แล้วถือตะเกียงเดินลงไปที่แม่น้ำ "
        "หมอกปกคลุมผิวน้ำจนมองไม่เห็นฝั่งตรงข้าม แต่ได้ยินเสียงหมาเห่าจากทางนั้น "
        "เขาจึงรู้ว่ามีใครสักคนรออยู่ เขาแก้เชือก ใช้เท้าดันเรือออก และเริ่มพาย "
        "พอถึงกลางลำน้ำ สายสมอไปเกี่ยวกับกิ่งไม้ที่จมอยู่ ต้องเสียเวลาตัดถึงสิบนาที "
        "เมื่อเทียบท่าได้ในที่สุด หญิงชราคนหนึ่งยื่นตะกร้าแอปเปิลให้ จ่ายเหรียญสองอัน "
        "แล้วถามว่าทำไมหน้าหนาวปีนี้ขนมปังถึงแพงนัก ชายแก่ยักไหล่ "
        "แม้แต่เจ้าของโรงสีก็ยังตอบไม่ถูก ขากลับหมอกค่อยจางลง แสงแดดส่องหลังคาบ้าน "
        "เด็กสองสามคนวิ่งข้ามสะพานหินไปโรงเรียน"
    ),
    "ko": (
        "뱃사공은 해가 뜨기 전에 일어나 등불을 들고 강가로 내려갔다. 물 위에 안개가 자욱해서 "
        "건너편은 보이지 않았지만, 개 짖는 소리가 들려 누군가 기다린다는 것을 알았다. 그는 "
        "밧줄을 풀고 발로 배를 밀어 노를 젓기 시작했다. 강 한가운데에서 닻줄이 가라앉은 "
        "나뭇가지에 걸려, 끊어 내는 데 십 분이나 걸렸다. 마침내 뭍에 닿자 할머니가 사과 한 "
        "바구니를 건네고 동전 두 닢을 치르며, 올겨울에는 왜 빵이 이렇게 비싸졌느냐고 물었다. "
        "사공은 어깨를 으쓱했다. 방앗간 주인조차 모르는 일이었다. 돌아오는 길에 안개가 차츰 "
        "걷히고 지붕마다 햇살이 비쳤다. 아이들 몇이 돌다리를 건너 학교로 뛰어갔다."
    ),
    "ar": (
        "نهض صاحب القارب قبل شروق الشمس ونزل إلى النهر وفي يده فانوس صغير. كان الضباب يغطي "
        "الماء فلم يرَ الضفة الأخرى، لكنه سمع كلبًا ينبح هناك وعرف أن أحدًا ينتظره. فكّ "
        "الحبل ودفع المركب بقدمه ثم أخذ يجدّف. وفي منتصف الطريق علقت المرساة بغصن غارق، "
        "فاحتاج إلى عشر دقائق حتى قطعه. ولما رسا أخيرًا ناولته امرأة عجوز سلة من التفاح، "
        "ودفعت قطعتين من النقود، وسألته لماذا صار الخبز غاليًا في هذا الشتاء. هزّ كتفيه، "
        "فالطحان نفسه لا يدري. وعند عودته انقشع الضباب شيئًا فشيئًا وأضاءت الشمس سطوح "
        "البيوت، وركض بعض الأطفال فوق الجسر الحجري نحو المدرسة."
    ),
}

# A phrase of each that a model may be caught in, with what stands between two of them.
LOOPS = {
    "en": "He did not know why. ",
    "de": "Er wusste nicht, warum. ",
    "hi": "उसे पता नहीं था कि क्यों। ",
    "zh": "他不知道为什么，",
    "ja": "なぜなのかわからない",
    "th": "เขาไม่รู้ว่าทำไม",
    "ko": "왜 그런지 몰랐다. ",
    "ar": "لم يعرف لماذا. ",
}
